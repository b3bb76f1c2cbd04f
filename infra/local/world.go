package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/directory"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// demo is the client that is made when there is none.
const demo = "demo"

// A world is what the gateway stands in front of.
type world struct {
	backend backend
	origins []string // whose pages may read answers
	where   string   // the data is, in a sentence
	// demo makes the demo client if it is not there.
	demo  func(context.Context) (guests, error)
	close func() error
}

// open opens the world that the settings want.
func (s *settings) open(log *slog.Logger, stderr io.Writer) (world, error) {
	if s.functions != "" {
		return s.openCompiled(stderr)
	}
	return s.openEmbedded(log)
}

// guests are what the greeting shows of the demo client.
type guests struct {
	people  []person
	maximum int // of failed logins
}

// A person is a user as the greeting shows them.
type person struct {
	Client   string      `json:"client"`
	Username string      `json:"username"`
	Password string      `json:"password,omitempty"` // only when it has just been made
	Role     access.Role `json:"role"`
}

// The users of the demo client: the first, and those who come after.
func firstUser() access.User {
	return access.User{Username: "root", Role: access.Sysadmin, Name: "Rute Dias", Email: "root@demo.example"}
}

func otherUsers() []access.User {
	return []access.User{
		{Username: "sofia.reis", Role: access.Superuser, Name: "Sofia Reis", Email: "sofia.reis@demo.example"},
		{Username: "ana.silva", Role: access.Manager, Name: "Ana Silva", Email: "ana.silva@demo.example"},
		{Username: "ben.okafor", Role: access.ITUser, Name: "Ben Okafor", Email: "ben.okafor@demo.example"},
	}
}

// addOthers makes the other users of a client.
func addOthers(ctx context.Context, d *directory.Directory, client string) ([]person, error) {
	all := otherUsers()
	people := make([]person, len(all))
	var work errgroup.Group
	for i, user := range all {
		user.Client = client
		people[i] = person{client, user.Username, newPassword(user.Username), user.Role}
		work.Go(func() error {
			_, err := d.CreateUser(ctx, user, people[i].Password, access.Act{Actor: lockout.ActorPortcullis})
			return err
		})
	}
	return people, work.Wait()
}

// groups and groupSize are the shape of a password that is copied by hand: 80
// random bits in letters and digits.
const (
	groups    = 4
	groupSize = 4
)

// newPassword returns a password that the user may have.
func newPassword(username string) string {
	for {
		text := strings.ToLower(rand.Text())
		var parts []string
		for i := range groups {
			parts = append(parts, text[i*groupSize:(i+1)*groupSize])
		}
		password := strings.Join(parts, "-")
		if users.CheckPassword(password, username) == nil {
			return password
		}
	}
}

// policies is where a client's maximum is kept.
type policies interface {
	Policy(ctx context.Context, client string) (lockout.Policy, error)
	Set(ctx context.Context, client string, maximum int, version *int64, by string) (lockout.Policy, error)
}

// setMaximum sets the maximum that -max-attempts wants, and says so in the
// trail first. It returns the maximum in force.
func (s *settings) setMaximum(ctx context.Context, p policies, trail httpapi.Appender, client string) (int, error) {
	before, err := p.Policy(ctx, client)
	if err != nil || s.maximum == 0 || before.Source == lockout.SourceClient && before.Maximum == s.maximum {
		return before.Maximum, err
	}
	err = trail.Append(ctx, audit.Entry{
		Client: client, ID: environ.NewID(), At: time.Now().UTC().Truncate(time.Millisecond),
		Action: audit.PolicyChanged, Actor: lockout.ActorPortcullis, Reason: "-max-attempts",
		Details: audit.Details{PreviousMaximum: before.Maximum, Maximum: s.maximum},
	})
	if err != nil {
		return 0, err
	}
	if _, err := p.Set(ctx, client, s.maximum, nil, lockout.ActorPortcullis); err != nil {
		return 0, fmt.Errorf("setting -max-attempts: %w", err)
	}
	return s.maximum, nil
}

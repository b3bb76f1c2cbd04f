package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"portcullis/infra/timing"
	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/console"
	"portcullis/internal/directory"
	"portcullis/internal/embedded"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// A timed is a server over loopback HTTP whose logins are timed.
type timed struct {
	store  *embedded.Store
	hasher *users.Hasher
	base   string
}

// serveTimed serves the embedded world as run does, with the real hashes; login,
// if it is not nil, takes the place of what answers POST /login.
func serveTimed(t *testing.T, login func(*embedded.Store, httpapi.Edge) httpapi.Handler) *timed {
	t.Helper()
	s := &timed{hasher: users.NewHasher(users.DefaultParams(), rand.Reader, 0)}
	store, err := embedded.Open(filepath.Join(t.TempDir(), "data"), embedded.Options{Hasher: s.hasher, Now: time.Now, NewID: environ.NewID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s.store = store
	d := &directory.Directory{
		Users: store.Users, Tokens: store.Tokens, Attempts: store.Attempts, Hasher: s.hasher, Now: time.Now, NewID: environ.NewID,
	}
	for _, client := range []string{demo, "other"} {
		order := directory.Provision{Client: client, Username: "root", Password: rightPassword, By: lockout.ActorPortcullis}
		if _, err := d.Provision(t.Context(), order); err != nil {
			t.Fatal(err)
		}
	}
	site, err := console.New()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	b := newInProcess(store, d, site, log, nil)
	if login != nil {
		edge := httpapi.Edge{Log: log, Now: time.Now, Key: users.UserKey}
		all := handlers(store, d, site, edge)
		all["POST /login"] = login(store, edge)
		b.handler = httpapi.Mux(edge, all)
	}
	server := httptest.NewServer(withExamples(withCompression(
		&gateway{routes: access.Routes(), backend: b, log: log, now: time.Now, newID: environ.NewID})))
	t.Cleanup(server.Close)
	s.base = server.URL
	return s
}

// addUsers makes users of a client, all with the right password and one hash of
// it. Their names are of one length with those that nobody has.
func (s *timed) addUsers(t *testing.T, client string, names ...string) {
	t.Helper()
	phc, err := s.hasher.Hash(t.Context(), rightPassword)
	if err != nil {
		t.Fatal(err)
	}
	var work errgroup.Group // one write to the disk takes many users
	for _, name := range names {
		user := access.User{
			Client: client, Username: name, Role: access.Manager, Name: "Ana Silva", Email: "ana.silva@demo.example", CreatedAt: time.Now(),
		}
		entry := audit.Entry{Client: client, ID: environ.NewID(), Action: audit.UserCreated, Username: name}
		work.Go(func() error { return s.store.Users.Create(context.Background(), user, phc, entry) })
	}
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
}

// login tries a password and returns the status.
func (s *timed) login(client, username, password string) (int, error) {
	body, err := json.Marshal(map[string]string{"client": client, "username": username, "password": password})
	if err != nil {
		return 0, err
	}
	response, err := http.Post(s.base+"/login", "application/json", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// class is a class of logins that must be answered with a status.
func (s *timed) class(name string, ask func(n int) (client, username, password string), want func(n int) int) timing.Class {
	return timing.Class{Name: name, Ask: func(n int) error {
		status, err := s.login(ask(n))
		if err == nil && status != want(n) {
			err = fmt.Errorf("got %d, want %d", status, want(n))
		}
		return err
	}}
}

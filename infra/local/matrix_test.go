package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis/infra/matrix"
	"portcullis/internal/access"
	"portcullis/internal/directory"
	"portcullis/internal/embedded"
	"portcullis/internal/environ"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// foreign is another client than everybody's own. Each of its users has a namesake
// there, so that whoever is let in by mistake finds somebody.
const foreign = "umbrella"

// made is when the people of the matrix were made: before the tokens of the tests,
// which are themselves older than what is changed during them.
const made = -time.Hour

// mostTargets are more users than the matrix changes.
const mostTargets = 60

// mostComplaints are enough to see what is wrong.
const mostComplaints = 20

// An estate is a running server with a data folder that the test made, and knows.
type estate struct {
	served
	file   string // the store
	forger *forger
	next   int // of the targets
}

// newEstate serves two clients whose users were made an hour ago: callers by their
// roles, and users to whom things are done.
func newEstate(t *testing.T) *estate {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	populate(t, dir)
	e := &estate{served: *serveFor(t, "-data", dir), file: filepath.Join(dir, "portcullis.db")}
	e.forger = newForger(t, filepath.Join(dir, "signing-key.pem"))
	return e
}

func populate(t *testing.T, dir string) {
	t.Helper()
	past := func() time.Time { return time.Now().Add(made) }
	hasher := users.NewHasher(users.Params{Memory: 8, Time: 1, Threads: 1}, rand.Reader, 0)
	store, err := embedded.Open(dir, embedded.Options{Hasher: hasher, Now: past, NewID: environ.NewID})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	d := &directory.Directory{
		Users: store.Users, Tokens: store.Tokens, Attempts: store.Attempts, Hasher: hasher, Now: past, NewID: environ.NewID,
	}
	for _, client := range []string{demo, foreign} {
		first := directory.Provision{Client: client, Username: "first", Password: "first-word-7", By: lockout.ActorPortcullis}
		if _, err := d.Provision(context.Background(), first); err != nil {
			t.Fatal(err)
		}
		for username, role := range inhabitants() {
			user := access.User{Client: client, Username: username, Role: access.Role(role)}
			if _, err := d.CreateUser(context.Background(), user, "first-word-7", access.Act{Actor: lockout.ActorPortcullis}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// inhabitants are the users of a client by their names.
func inhabitants() map[string]string {
	all := map[string]string{"caller-": matrix.ITUser, "victim-Manager": matrix.Manager, "victim-Sysadmin": matrix.Sysadmin}
	for _, role := range []string{matrix.Sysadmin, matrix.Superuser, matrix.Manager, matrix.ITUser} {
		all["caller-"+role] = role
		for _, change := range []string{demoted, deleted, newPassed} {
			all[change+role] = role
		}
	}
	for i := range mostTargets {
		all[targetOf(matrix.Manager, i)], all[targetOf(matrix.Sysadmin, i)] = matrix.Manager, matrix.Sysadmin
	}
	return all
}

func targetOf(role string, i int) string { return fmt.Sprintf("target-%s-%d", role, i) }

// A cell is one request of the matrix.
type cell struct {
	row    matrix.Row
	role   string // of the caller; empty for a token without a group
	client string
	to     string // the role of whom it is done to
	fault  fault
}

func (c cell) String() string {
	return fmt.Sprintf("%s of %s to a %s, by a %q with %s", c.row.Name(), c.client, c.to, c.role, c.fault.name)
}

// want is what the answer must be: its status, and the kind of problem if it is one.
func (c cell) want() (status int, problem string) {
	lets := c.row.Lets(c.role, c.to) && c.client == demo
	strange := c.fault.name == inTheQuery && c.row.Method != access.Preflight // a parameter that no route knows
	switch {
	case c.row.May == nil && c.row.Status < 400 && !strange:
		return c.row.Status, ""
	case c.row.May == nil:
		return http.StatusBadRequest, "invalid-request"
	case c.fault.verdict == refused, c.fault.verdict == outdated && slices.Contains(c.row.May, c.role) && c.client == demo:
		return http.StatusUnauthorized, "unauthorized"
	case c.fault.verdict == powerless, !lets:
		return http.StatusForbidden, "forbidden"
	}
	return c.row.Status, ""
}

// cells returns the whole matrix. Who is spared matters only where somebody is, and
// who calls only where a token is asked for: elsewhere the best of them stands for all.
func cells(faults []fault) (all []cell) {
	for _, row := range matrix.Rows() {
		roles, clients, targets := matrix.Callers(), []string{demo, foreign}, []string{matrix.Manager}
		if row.May == nil {
			roles, clients = []string{matrix.Sysadmin}, []string{demo}
		}
		if row.SparesSysadmins {
			targets = append(targets, matrix.Sysadmin)
		}
		for _, role := range roles {
			for _, client := range clients {
				for _, to := range targets {
					all = append(all, across(cell{row: row, role: role, client: client, to: to}, faults)...)
				}
			}
		}
	}
	return all
}

// across returns a cell with each fault. Nothing can be taken from a token of no role.
func across(c cell, faults []fault) (all []cell) {
	for _, c.fault = range faults {
		if c.role != matrix.Nobody || c.fault.verdict != outdated {
			all = append(all, c)
		}
	}
	return all
}

// TestEveryRouteByEveryRoleWithEveryToken sends the whole matrix through the server
// that make run starts: each route, by each role and by one whose token has none, to
// their own client and to another, with tokens that are good and tokens that are bad
// in every way there is. What is refused leaves the store as it was, to the byte.
func TestEveryRouteByEveryRoleWithEveryToken(t *testing.T) {
	e := newEstate(t)
	faults := e.faults(t)
	all, let, wrong := cells(faults), map[string]bool{}, 0
	for _, c := range all {
		status, _ := c.want()
		switch ok := e.try(t, c); {
		case !ok:
			wrong++
		case status < 400:
			let[c.row.Name()] = true
		}
		if wrong == mostComplaints {
			t.Fatal("the rest is not tried")
		}
	}
	for _, row := range matrix.Rows() {
		if row.Status < 400 && !let[row.Name()] {
			t.Errorf("nobody ever got through to %s: the test refuses by itself", row.Name())
		}
	}
	if e.forger.asked.Load() > 0 {
		t.Errorf("%d times, a key was fetched from where a token said", e.forger.asked.Load())
	}
	t.Logf("%d cells: %d routes, %d tokens", len(all), len(matrix.Rows()), len(faults))
}

// try sends the request of a cell and reports whether it was answered as it must.
func (e *estate) try(t *testing.T, c cell) bool {
	t.Helper()
	username := "victim-" + c.to
	status, problem := c.want()
	if status < 400 && c.client == demo && c.row.May != nil {
		username = targetOf(c.to, e.next)
		e.next++
	}
	path, body := c.row.Request(c.client, username, c.to)
	before := e.state(t)
	gotStatus, gotProblem := e.send(t, c, path, body)
	after := e.state(t)
	if gotStatus != status || gotProblem != problem {
		t.Errorf("%s: got %d %s, want %d %s", c, gotStatus, gotProblem, status, problem)
		return false
	}
	if wrote := before != after; wrote != (c.row.Writes && status < 400) {
		t.Errorf("%s: %d, and the store was written: %v", c, gotStatus, wrote)
		return false
	}
	return true
}

// state is what the store's file begins with: the two pages of which bbolt writes one,
// with another number, for each transaction that writes.
func (e *estate) state(t *testing.T) string {
	t.Helper()
	file, err := os.Open(e.file)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	pages := make([]byte, 2*os.Getpagesize())
	if _, err := io.ReadFull(file, pages); err != nil {
		t.Fatal(err)
	}
	return string(pages)
}

// send sends a request with the token of a cell, and returns the status and the kind
// of problem.
func (e *estate) send(t *testing.T, c cell, path, body string) (status int, problem string) {
	t.Helper()
	r, err := http.NewRequest(c.row.Method, e.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	token := c.fault.token(c.role)
	if c.fault.send == nil {
		r.Header.Set("Authorization", "Bearer "+token)
	} else {
		c.fault.send(r, token)
	}
	response, err := straight.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var told struct{ Type string }
	if response.Header.Get("Content-Type") == "application/problem+json" {
		if err := json.Unmarshal(text, &told); err != nil {
			t.Errorf("%s: %v: %s", c, err, text)
		}
	}
	if token != "" && strings.Contains(string(text), token) {
		t.Errorf("%s: the answer repeats the token", c)
	}
	return response.StatusCode, strings.TrimPrefix(told.Type, "urn:portcullis:problem:")
}

// straight follows no redirect.
var straight = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// addQuery puts a token where it is no token.
func addQuery(r *http.Request, token string) {
	r.URL.RawQuery = url.Values{"access_token": {token}}.Encode()
}

package embedded_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/bearer"
	"portcullis/internal/embedded"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(burstFolder); dir != "" {
		os.Exit(burst(dir))
	}
	if dir := os.Getenv(fullFolder); dir != "" {
		os.Exit(fullDisk(dir))
	}
	if dir := os.Getenv(readOnlyFolder); dir != "" {
		os.Exit(openAsNobody(dir))
	}
	os.Exit(m.Run())
}

// cheap are parameters that make a hash cost next to nothing.
func cheap() users.Params { return users.Params{Memory: 8, Time: 1, Threads: 1} }

func options(now func() time.Time) embedded.Options {
	return embedded.Options{Hasher: users.NewHasher(cheap(), rand.Reader, 2), Now: now, NewID: lockouttest.IDs()}
}

func open(t *testing.T, dir string, now func() time.Time) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(dir, options(now))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// folder returns a path for a data folder that is not there yet.
func folder(t *testing.T) string { return filepath.Join(t.TempDir(), "data") }

// fresh opens a new store that is closed with the test.
func fresh(t *testing.T) *embedded.Store {
	t.Helper()
	s := open(t, folder(t), time.Now)
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t *testing.T, s *embedded.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func userKey(t *testing.T, name string) lockout.Key {
	t.Helper()
	key, err := users.UserKey("acme", name)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func gate(s *embedded.Store, clock lockout.Clock, newID func() string) *lockout.Gate[users.Credential] {
	return &lockout.Gate[users.Credential]{
		Attempts: s.Attempts, Glance: s.Attempts, Credentials: s.Users, Maximums: s.Policies, Clock: clock, NewID: newID,
		Jitter: func() float64 { return 0 }, Lifetime: 10 * time.Second,
	}
}

func attempt(t *testing.T, g *lockout.Gate[users.Credential], key lockout.Key, password string) lockout.Verdict[users.Credential] {
	t.Helper()
	verdict, err := g.Attempt(context.Background(), lockout.Attempt{Key: key, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

// add creates a user with a password.
func add(t *testing.T, s *embedded.Store, user access.User, password string) {
	t.Helper()
	phc, err := users.NewHasher(cheap(), rand.Reader, 1).Hash(context.Background(), password)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Users.Create(context.Background(), user, phc, entryOf(audit.UserCreated, user.Username)); err != nil {
		t.Fatal(err)
	}
}

// entryOf returns an entry of its own of something done to a user of acme.
func entryOf(action audit.Action, username string) audit.Entry {
	return audit.Entry{Client: "acme", ID: lockouttest.IDs()(), At: at(), Action: action, Username: username}
}

// at is a time as stores keep it.
func at() time.Time { return time.Date(2026, 11, 23, 10, 4, 5, 123e6, time.UTC) }

func TestReopeningKeepsEverything(t *testing.T) {
	ctx := context.Background()
	dir := folder(t)
	s := open(t, dir, at)
	ana := access.User{Client: "acme", Username: "ana", Role: access.Manager, Name: "Ana", Email: "ana@acme.example", CreatedAt: at()}
	add(t, s, ana, "correct horse 1")
	if err := s.Users.CreateClient(ctx, "acme", at(), entryOf(audit.ClientCreated, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Policies.Set(ctx, "acme", 2, nil, "acme/root"); err != nil {
		t.Fatal(err)
	}
	session, err := s.Tokens.Mint(ctx, ana)
	if err != nil {
		t.Fatal(err)
	}
	key := userKey(t, "ana")
	newID := lockouttest.IDs()
	g := gate(s, lockouttest.NewClock(at()), newID)
	attempt(t, g, key, "wrong")
	attempt(t, g, key, "wrong")
	before := readAll(t, s, key)
	closeStore(t, s)

	s = open(t, dir, at)
	defer closeStore(t, s)
	if diff := cmp.Diff(readAll(t, s, key), before); diff != "" {
		t.Errorf("after reopening: got -, want +:\n%s", diff)
	}
	if got := attempt(t, gate(s, lockouttest.NewClock(at()), newID), key, "correct horse 1"); got.Ruling != lockout.Locked {
		t.Errorf("the right password of a locked user: got %v, want %v", got.Ruling, lockout.Locked)
	}
	verifier := bearer.Verifier{Issuer: embedded.Issuer, ClientID: embedded.ClientID, Keys: s.Tokens, Now: at}
	got, err := verifier.Verify(ctx, session.AccessToken)
	want := access.Caller{Client: "acme", Username: "ana", Role: access.Manager, IssuedAt: at().Truncate(time.Second)}
	if err != nil || got != want {
		t.Errorf("a token from before: got %v, %v, want %v", got, err, want)
	}
}

// contents are what a store holds about one user and their client.
type contents struct {
	Record  lockout.Record
	Entries []audit.Entry
	Users   []access.User
	Policy  lockout.Policy
	Client  bool
}

func readAll(t *testing.T, s *embedded.Store, key lockout.Key) contents {
	t.Helper()
	ctx := context.Background()
	var c contents
	var errs [5]error
	c.Record, errs[0] = s.Attempts.Read(ctx, key)
	c.Entries, _, errs[1] = s.Trail.Entries(ctx, audit.Query{Client: key.Client(), Limit: 100})
	c.Users, _, errs[2] = s.Users.List(ctx, access.Listing{Client: key.Client(), Limit: 100})
	c.Policy, errs[3] = s.Policies.Policy(ctx, key.Client())
	c.Client, errs[4] = s.Users.ClientExists(ctx, key.Client())
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	if !c.Record.Locked() || len(c.Entries) != 3 || len(c.Users) != 1 || c.Policy.Maximum != 2 || !c.Client {
		t.Fatalf("the store does not hold what was put there: %+v", c)
	}
	return c
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	s := open(t, folder(t), time.Now)
	closeStore(t, s)
	_, readErr := s.Attempts.Read(context.Background(), userKey(t, "ana"))
	writeErr := s.Trail.Append(context.Background(), audit.Entry{Client: "acme", ID: "1"})
	if !errors.Is(readErr, lockout.ErrUnavailable) || !errors.Is(writeErr, lockout.ErrUnavailable) {
		t.Errorf("got %v and %v, want both to wrap ErrUnavailable", readErr, writeErr)
	}
}

func TestACallerWhoHasLeftIsNotWaitedFor(t *testing.T) {
	s := fresh(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Attempts.Apply(ctx, userKey(t, "ana"), lockout.Charge{AttemptID: "a", Maximum: 5, At: at()})
	if !errors.Is(err, lockout.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want ErrUnavailable and context.Canceled", err)
	}
}

func TestADamagedRecordIsAnOutageOfOneUser(t *testing.T) {
	for name, damaged := range map[string]string{
		"no JSON":                        `{`,
		"an attempt that is not charged": `{"in_flight":["b"],"charged_at":"2026-11-23T10:00:00Z"}`,
		"half a lock":                    `{"locked_at":"2026-11-23T10:00:00Z"}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			closeStore(t, open(t, dir, time.Now))
			edit(t, dir, func(tx *bbolt.Tx) error {
				return tx.Bucket([]byte("attempts")).Put([]byte("acme/ana"), []byte(damaged))
			})
			s := open(t, dir, time.Now)
			defer closeStore(t, s)
			charge := lockout.Charge{AttemptID: "a", Maximum: 5, At: at()}
			if _, err := s.Attempts.Apply(context.Background(), userKey(t, "ana"), charge); !errors.Is(err, lockout.ErrUnavailable) {
				t.Errorf("the damaged one: got %v, want ErrUnavailable", err)
			}
			if _, err := s.Attempts.Apply(context.Background(), userKey(t, "ben"), charge); err != nil {
				t.Errorf("another: %v", err)
			}
		})
	}
}

func TestAWriteThatFailsLeavesTheOthersAlone(t *testing.T) {
	dir := folder(t)
	closeStore(t, open(t, dir, time.Now))
	edit(t, dir, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("policies")).Put([]byte("damaged"), []byte("{"))
	})
	s := open(t, dir, time.Now)
	defer closeStore(t, s)
	const each = 50
	var all sync.WaitGroup
	for i := range each {
		all.Go(func() {
			if _, err := s.Policies.Set(context.Background(), fmt.Sprint("good", i), 3, nil, "a/b"); err != nil {
				t.Errorf("a good write: %v", err)
			}
		})
		all.Go(func() {
			_, err := s.Policies.Set(context.Background(), "damaged", 3, nil, "a/b")
			if !errors.Is(err, lockout.ErrUnavailable) {
				t.Errorf("a bad write: got %v, want ErrUnavailable", err)
			}
		})
	}
	all.Wait()
	for i := range each {
		if got := s.Policies.Maximum(context.Background(), fmt.Sprint("good", i)); got != 3 {
			t.Errorf("good%d: got %d, want 3", i, got)
		}
	}
	if got := s.Policies.Maximum(context.Background(), "damaged"); got != lockout.DefaultMaximum {
		t.Errorf("the maximum that cannot be read: got %d, want %d", got, lockout.DefaultMaximum)
	}
}

package directory_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/directory"
	"portcullis/internal/embedded"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// A world is a directory on real stores of which one call can fail. It is its
// own mint, which remembers the role that each user was enrolled with last.
type world struct {
	*directory.Directory
	store  *embedded.Store
	clock  *lockouttest.Clock
	roles  map[string]access.Role
	calls  int
	failAt int
	after  bool // the call that fails takes effect
	// before, if not nil, is what somebody else does just before a call is made.
	before func(call int)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: lockouttest.NewClock(start), roles: map[string]access.Role{}}
	hasher := users.NewHasher(users.Params{Memory: 8, Time: 1, Threads: 1}, rand.Reader, 2)
	newID := lockouttest.IDs()
	store, err := embedded.Open(filepath.Join(t.TempDir(), "data"),
		embedded.Options{Hasher: hasher, Now: w.clock.Now, NewID: newID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.store = store
	w.Directory = &directory.Directory{
		Users: w, Tokens: w, Attempts: w, Trail: w, Hasher: hasher, Now: w.clock.Now, NewID: newID,
	}
	return w
}

// call counts a call and makes it, unless it is its turn to fail.
func call[T any](w *world, do func() (T, error)) (T, error) {
	w.calls++
	w.clock.Advance(time.Millisecond)
	if w.before != nil {
		w.before(w.calls)
	}
	if w.calls != w.failAt {
		return do()
	}
	var none T
	if w.after {
		if _, err := do(); err != nil {
			return none, err
		}
	}
	return none, fmt.Errorf("call %d: %w", w.calls, lockout.ErrUnavailable)
}

func callOnly(w *world, do func() error) error {
	_, err := call(w, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

func (w *world) ClientExists(ctx context.Context, client string) (bool, error) {
	return call(w, func() (bool, error) { return w.store.Users.ClientExists(ctx, client) })
}

func (w *world) CreateClient(ctx context.Context, client string, at time.Time, entry audit.Entry) error {
	return callOnly(w, func() error { return w.store.Users.CreateClient(ctx, client, at, entry) })
}

func (w *world) User(ctx context.Context, key lockout.Key) (access.User, error) {
	return call(w, func() (access.User, error) { return w.store.Users.User(ctx, key) })
}

func (w *world) Create(ctx context.Context, user access.User, phc string, entry audit.Entry) error {
	return callOnly(w, func() error { return w.store.Users.Create(ctx, user, phc, entry) })
}

func (w *world) Enrol(_ context.Context, user access.User) error {
	return callOnly(w, func() error { w.roles[user.Username] = user.Role; return nil })
}

func (w *world) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	return call(w, func() (lockout.Result, error) { return w.store.Attempts.Apply(ctx, key, t) })
}

func (w *world) Read(ctx context.Context, key lockout.Key) (lockout.Record, error) {
	return call(w, func() (lockout.Record, error) { return w.store.Attempts.Read(ctx, key) })
}

func (w *world) Append(ctx context.Context, e audit.Entry) error {
	return callOnly(w, func() error { return w.store.Trail.Append(ctx, e) })
}

// actions counts the entries of the trail by what they record.
func (w *world) actions(t *testing.T) map[audit.Action]int {
	t.Helper()
	entries, next, err := w.store.Trail.Entries(t.Context(), audit.Query{Client: "acme", Limit: 100})
	if err != nil || next != "" {
		t.Fatalf("reading the trail: next %q, %v", next, err)
	}
	counts := map[audit.Action]int{}
	for _, e := range entries {
		counts[e.Action]++
	}
	return counts
}

func key(t *testing.T, username string) lockout.Key {
	t.Helper()
	key, err := users.UserKey("acme", username)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// matches reports whether the password is the user's.
func (w *world) matches(t *testing.T, username, password string) bool {
	t.Helper()
	credential, err := w.store.Users.Credential(t.Context(), key(t, username))
	if err != nil {
		t.Fatal(err)
	}
	right, err := credential.Compare(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return right && credential.Known()
}

// lock leaves the name locked, as attempts on an unknown user do.
func (w *world) lock(t *testing.T, username string) {
	t.Helper()
	gate := &lockout.Gate[users.Credential]{
		Attempts: w.store.Attempts, Credentials: w.store.Users, Maximums: lockouttest.FixedMaximum(1),
		Clock: w.clock, NewID: lockouttest.IDs(), Jitter: func() float64 { return 0 }, Lifetime: 10 * time.Second,
	}
	verdict, err := gate.Attempt(t.Context(), lockout.Attempt{Key: key(t, username), Password: "guess"})
	if err != nil || verdict.Ruling != lockout.Locked {
		t.Fatalf("got %v, %v; want a lock", verdict.Ruling, err)
	}
}

func (w *world) record(t *testing.T, username string) lockout.Record {
	t.Helper()
	record, err := w.store.Attempts.Read(t.Context(), key(t, username))
	if err != nil {
		t.Fatal(err)
	}
	return record
}

var acme = directory.Provision{
	Client: "acme", Username: "root", Name: "Rute", Email: "rute@example.com", By: lockout.ActorPortcullis,
}

func provision(t *testing.T, w *world) directory.Provisioned {
	t.Helper()
	got, err := w.Provision(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestProvisionCreatesTheClientAndItsFirstSysadmin(t *testing.T) {
	w := newWorld(t)
	got := provision(t, w)
	want := directory.Provisioned{Client: "acme", Username: "root", Created: true, Password: got.Password}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("result: got -, want +:\n%s", diff)
	}
	if err := users.CheckPassword(got.Password, "root"); err != nil || len(got.Password) < 26 {
		t.Errorf("the password has %d characters: %v", len(got.Password), err)
	}
	if !w.matches(t, "root", got.Password) || w.roles["root"] != access.Sysadmin {
		t.Error("the password is not the user's or the user no Sysadmin")
	}
	wantActions := map[audit.Action]int{audit.ClientCreated: 1, audit.UserCreated: 1}
	if diff := cmp.Diff(w.actions(t), wantActions); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

func TestProvisioningAgainChangesNothing(t *testing.T) {
	w := newWorld(t)
	first := provision(t, w)
	again := provision(t, w)
	if diff := cmp.Diff(again, directory.Provisioned{Client: "acme", Username: "root"}); diff != "" {
		t.Errorf("result: got -, want +:\n%s", diff)
	}
	if !w.matches(t, "root", first.Password) {
		t.Error("the password has changed")
	}
	wantActions := map[audit.Action]int{audit.ClientCreated: 1, audit.UserCreated: 1}
	if diff := cmp.Diff(w.actions(t), wantActions); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

func TestProvisionTakesAPasswordThatIsGiven(t *testing.T) {
	w := newWorld(t)
	p := acme
	p.Password = "Correct-horse-9"
	got, err := w.Provision(t.Context(), p)
	if err != nil || got.Password != p.Password || !w.matches(t, "root", p.Password) {
		t.Errorf("got %v, %v; want the password given", got, err)
	}
}

func TestProvisionRefusesBeforeItWrites(t *testing.T) {
	tests := []struct {
		name   string
		change func(*directory.Provision)
		want   error
	}{
		{"a malformed client", func(p *directory.Provision) { p.Client = "Acme" }, users.ErrInvalidClient},
		{"a username with a slash", func(p *directory.Provision) { p.Username = "a/b" }, users.ErrInvalidUsername},
		{"no username", func(p *directory.Provision) { p.Username = "" }, users.ErrInvalidUsername},
		{"a password that is too short", func(p *directory.Provision) { p.Password = "a1" }, users.ErrInvalidPassword},
		{"a name of two lines", func(p *directory.Provision) { p.Name = "Rute\nRoot" }, directory.ErrInvalidPerson},
		{"a name that is no UTF-8", func(p *directory.Provision) { p.Name = "Rut\xe9" }, directory.ErrInvalidPerson},
		{"a name that is too long", func(p *directory.Provision) { p.Name = strings.Repeat("é", 129) }, directory.ErrInvalidPerson},
		{"an email address that is none", func(p *directory.Provision) { p.Email = "rute" }, directory.ErrInvalidPerson},
		{"an email address with a name", func(p *directory.Provision) { p.Email = "Rute <rute@example.com>" }, directory.ErrInvalidPerson},
		{"an email address that is too long", func(p *directory.Provision) { p.Email = strings.Repeat("r", 250) + "@a.pt" }, directory.ErrInvalidPerson},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			p := acme
			test.change(&p)
			if _, err := w.Provision(t.Context(), p); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if w.calls != 0 {
				t.Errorf("made %d calls, want none", w.calls)
			}
		})
	}
}

// TestProvisionIsFinishedByRunningItAgain stops the first run at each call in
// turn, with and without the call's effect, on a name that was locked while it
// was nobody's.
func TestProvisionIsFinishedByRunningItAgain(t *testing.T) {
	whole := newWorld(t)
	whole.lock(t, "root")
	provision(t, whole)
	for n := 1; n <= whole.calls; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d fails, effect %v", n, after), func(t *testing.T) {
				w := newWorld(t)
				w.lock(t, "root")
				w.failAt, w.after = n, after
				first, err := w.Provision(t.Context(), acme)
				if err != nil && !errors.Is(err, lockout.ErrUnavailable) {
					t.Errorf("got %v, want %v", err, lockout.ErrUnavailable)
				}
				second := provision(t, w)
				complete(t, w, first, second)
			})
		}
	}
}

// complete checks that two runs made one client with one Sysadmin who can log
// in with the one password that was told.
func complete(t *testing.T, w *world, runs ...directory.Provisioned) {
	t.Helper()
	var told []string
	for _, run := range runs {
		if run.Created {
			told = append(told, run.Password)
		}
	}
	if len(told) != 1 || !w.matches(t, "root", told[0]) {
		t.Errorf("%d passwords were told, want the right one", len(told))
	}
	if w.roles["root"] != access.Sysadmin {
		t.Errorf("enrolled as %q, want %q", w.roles["root"], access.Sysadmin)
	}
	if r := w.record(t, "root"); r.Locked() || r.Charged != 0 || !r.ExpiresAt.IsZero() {
		t.Errorf("the counter of the unknown user is left: %+v", r)
	}
	want := map[audit.Action]int{audit.ClientCreated: 1, audit.UserCreated: 1, audit.Lock: 1, audit.Unlock: 1}
	if diff := cmp.Diff(w.actions(t), want); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

var ana = access.User{Client: "acme", Username: "ana.silva", Role: access.Manager, Name: "Ana Silva", Email: "ana@example.com"}

const anasPassword = "Correct-horse-9"

var byRoot = directory.Act{Actor: "acme/root", SourceIP: "192.0.2.1", RequestID: "r1", Reason: "new colleague"}

func TestCreateUserWritesWhoDidItWhenAndWhy(t *testing.T) {
	w := newWorld(t)
	provision(t, w)
	w.clock.Advance(time.Hour)
	if err := w.CreateUser(t.Context(), ana, anasPassword, byRoot); err != nil {
		t.Fatal(err)
	}
	stored, err := w.store.Users.User(t.Context(), key(t, "ana.silva"))
	if err != nil {
		t.Fatal(err)
	}
	entries, _, err := w.store.Trail.Entries(t.Context(), audit.Query{Client: "acme", Limit: 1})
	if err != nil || len(entries) != 1 {
		t.Fatalf("got %d entries, %v", len(entries), err)
	}
	want := audit.Entry{
		Client: "acme", ID: entries[0].ID, At: stored.CreatedAt, Action: audit.UserCreated, Actor: "acme/root",
		Username: "ana.silva", SourceIP: "192.0.2.1", RequestID: "r1", Reason: "new colleague",
		Details: audit.Details{Role: "Manager"},
	}
	if diff := cmp.Diff(entries[0], want); diff != "" {
		t.Errorf("entry: got -, want +:\n%s", diff)
	}
	if !w.matches(t, "ana.silva", anasPassword) {
		t.Error("the password is not the user's")
	}
}

func TestCreateUserRefuses(t *testing.T) {
	tests := []struct {
		name     string
		change   func(*access.User)
		password string
		want     error
	}{
		{"an unknown client", func(u *access.User) { u.Client = "other" }, anasPassword, lockout.ErrNotFound},
		{"a malformed client", func(u *access.User) { u.Client = "a/b" }, anasPassword, users.ErrInvalidClient},
		{"a malformed username", func(u *access.User) { u.Username = "#client" }, anasPassword, users.ErrInvalidUsername},
		{"a role that is none", func(u *access.User) { u.Role = "Root" }, anasPassword, directory.ErrInvalidPerson},
		{"a password that is the username", func(u *access.User) { u.Username = "abcdefg1" }, "abcdefg1", users.ErrInvalidPassword},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			provision(t, w)
			user := ana
			test.change(&user)
			if err := w.CreateUser(t.Context(), user, test.password, byRoot); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if len(w.roles) != 1 {
				t.Errorf("enrolled %v, want the Sysadmin alone", w.roles)
			}
		})
	}
}

func TestCreatingAUserWhoExistsNeitherUnlocksNorChangesThem(t *testing.T) {
	w := newWorld(t)
	first := provision(t, w)
	w.lock(t, "root")
	taken := ana
	taken.Username = "root"
	var conflict *lockout.ConflictError
	if err := w.CreateUser(t.Context(), taken, anasPassword, byRoot); !errors.As(err, &conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if !w.record(t, "root").Locked() || w.roles["root"] != access.Sysadmin || !w.matches(t, "root", first.Password) {
		t.Error("the user was unlocked, enrolled with another role or given another password")
	}
	if got := w.actions(t)[audit.UserCreated]; got != 1 {
		t.Errorf("%d entries of a creation, want 1", got)
	}
}

// A stranger is an attempt on a name, which found that it is nobody's.
type stranger struct {
	id         string
	generation int64
}

// apply makes a transition on root's record behind the directory's back.
func (w *world) apply(t *testing.T, transition lockout.Transition) lockout.Result {
	t.Helper()
	result, err := w.store.Attempts.Apply(t.Context(), key(t, "root"), transition)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func (w *world) charge(t *testing.T) stranger {
	t.Helper()
	id := w.NewID()
	charged := w.apply(t, lockout.Charge{AttemptID: id, Maximum: 5, At: w.clock.Now()})
	return stranger{id, charged.Record.Generation}
}

// settle fails the attempt, which locks.
func (w *world) settle(t *testing.T, s stranger) lockout.Outcome {
	t.Helper()
	now := w.clock.Now()
	return w.apply(t, lockout.Fail{
		Generation: s.generation, Maximum: 1, Evidence: lockout.Evidence{AttemptID: s.id, At: now},
		Lock:      lockout.Event{ID: w.NewID(), Kind: lockout.EventLock, At: now, Key: key(t, "root")},
		ExpiresAt: now.Add(lockout.UnknownUserRetention),
	}).Outcome
}

// exists reports whether root is there already.
func (w *world) exists(t *testing.T) bool {
	t.Helper()
	exists, err := w.store.Users.Exists(t.Context(), key(t, "root"))
	if err != nil {
		t.Fatal(err)
	}
	return exists
}

// TestAnAttemptAtAnyStepLeavesNoLockThatExpires tries a wrong password at each
// step of creating the user. A lock of somebody who did not exist is gone
// afterwards, and a lock of the new user stays.
func TestAnAttemptAtAnyStepLeavesNoLockThatExpires(t *testing.T) {
	whole := newWorld(t)
	provision(t, whole)
	for n := 1; n <= whole.calls; n++ {
		t.Run(fmt.Sprintf("before call %d", n), func(t *testing.T) {
			w, real := newWorld(t), false
			w.before = func(call int) {
				if call == n {
					real = w.exists(t)
					w.lock(t, "root")
				}
			}
			provision(t, w)
			if r := w.record(t, "root"); r.Locked() != real || !r.ExpiresAt.IsZero() {
				t.Errorf("the user existed: %v; their record: %+v", real, r)
			}
		})
	}
}

// TestAnAttemptAcrossTheCreationIsNotCounted holds an attempt that began while
// the user was nobody until after each later step.
func TestAnAttemptAcrossTheCreationIsNotCounted(t *testing.T) {
	whole, created := newWorld(t), 0
	whole.before = func(call int) {
		if created == 0 && whole.exists(t) {
			created = call
		}
	}
	provision(t, whole)
	for begin := 1; begin <= created; begin++ {
		for end := begin + 1; end <= whole.calls+1; end++ {
			t.Run(fmt.Sprintf("from call %d to call %d", begin, end), func(t *testing.T) {
				w := newWorld(t)
				var s stranger
				w.before = func(call int) {
					switch call {
					case begin:
						s = w.charge(t)
					case end:
						w.settle(t, s)
					}
				}
				provision(t, w)
				if w.calls < end {
					w.settle(t, s)
				}
				if r := w.record(t, "root"); r.Locked() || !r.ExpiresAt.IsZero() {
					t.Errorf("the attempt is left on the record: %+v", r)
				}
			})
		}
	}
}

// TestRunningAgainClearsWhatExpiresOfAUserWhoExists stops the first run once
// the user is there, and has an attempt from before settle then.
func TestRunningAgainClearsWhatExpiresOfAUserWhoExists(t *testing.T) {
	w := newWorld(t)
	var s stranger
	w.before = func(int) {
		switch {
		case s.id == "" && len(w.roles) > 0:
			s = w.charge(t)
		case s.id != "" && w.failAt == 0 && w.exists(t):
			w.failAt = w.calls
		}
	}
	if made, err := w.Provision(t.Context(), acme); !made.Created || err == nil {
		t.Fatalf("got %+v, %v; want the user, and an error", made, err)
	}
	w.before = nil
	if got := w.settle(t, s); got != lockout.Applied {
		t.Fatalf("the attempt is %s", got)
	}
	provision(t, w)
	if r := w.record(t, "root"); r.Locked() || !r.ExpiresAt.IsZero() {
		t.Errorf("the attempt is left on the record: %+v", r)
	}
	wantActions := map[audit.Action]int{audit.ClientCreated: 1, audit.UserCreated: 1, audit.Lock: 1, audit.Unlock: 1}
	if diff := cmp.Diff(w.actions(t), wantActions); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

// TestRunningAgainLeavesALockThatIsWrittenMeanwhile locks the user between the
// reading of a record that expires and its clearing.
func TestRunningAgainLeavesALockThatIsWrittenMeanwhile(t *testing.T) {
	w := newWorld(t)
	provision(t, w)
	s := w.charge(t)
	w.apply(t, lockout.Refund{AttemptID: s.id, Generation: s.generation, ExpiresAt: start.Add(lockout.UnknownUserRetention)})
	w.Directory.Attempts = &overtaken{world: w, do: func() { w.lock(t, "root") }}
	provision(t, w)
	if r := w.record(t, "root"); !r.Locked() || !r.ExpiresAt.IsZero() {
		t.Errorf("the lock is gone or expires: %+v", r)
	}
}

// overtaken has something done between reading a record and changing it.
type overtaken struct {
	*world
	do func()
}

func (o *overtaken) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	o.do()
	o.do = func() {}
	return o.world.Apply(ctx, key, t)
}

// TestLosingTheRaceForANameLeavesTheWinner creates a user between another's
// check and their write.
func TestLosingTheRaceForANameLeavesTheWinner(t *testing.T) {
	w := newWorld(t)
	provision(t, w)
	w.Directory.Users = &quicker{world: w}
	var conflict *lockout.ConflictError
	if err := w.CreateUser(t.Context(), ana, anasPassword, byRoot); !errors.As(err, &conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if w.roles["ana.silva"] != access.ITUser || !w.matches(t, "ana.silva", "Quicker-horse-8") {
		t.Error("the winner's role or password is not what is stored")
	}
}

// quicker lets somebody else create the user first.
type quicker struct{ *world }

func (q *quicker) Create(ctx context.Context, user access.User, phc string, entry audit.Entry) error {
	q.Directory.Users = q.world
	other := ana
	other.Role = access.ITUser
	if err := q.CreateUser(ctx, other, "Quicker-horse-8", byRoot); err != nil {
		return err
	}
	q.roles["ana.silva"] = access.Manager // as the slower one enrolled them
	return q.world.Create(ctx, user, phc, entry)
}

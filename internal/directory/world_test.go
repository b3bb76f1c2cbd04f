package directory_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/bearer"
	"portcullis/internal/directory"
	"portcullis/internal/embedded"
	"portcullis/internal/environ"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/tokens"
	"portcullis/internal/users"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// A world is a directory on real stores, whose process can end at any call.
type world struct {
	*directory.Directory
	*process
	client  string
	people  people
	records lockout.Attempts // as others see them, whose calls are not the process's
	trail   trail
	mint    mint
	clock   lockout.Clock
}

// people is what the tests read of the users, besides what the directory does.
type people interface {
	directory.Users
	lockout.Credentials[users.Credential]
}

type trail interface {
	Entries(ctx context.Context, q audit.Query) (entries []audit.Entry, next string, err error)
}

type mint interface {
	directory.Tokens
	// roles mints a session for the user, and returns the roles its access token
	// has; none if the mint refuses.
	roles(t *testing.T, user access.User) []access.Role
}

// A process makes the calls of a directory, and may end.
type process struct {
	mu     sync.Mutex
	calls  int
	endsAt int  // the call at which it ends; 0 for never
	after  bool // that call takes effect
	loses  int  // the call whose answer is lost; 0 for none
	// before, if not nil, is what somebody else does just before a call is made.
	before func(call int)
}

var errEnded = fmt.Errorf("the process has ended: %w", lockout.ErrUnavailable)

// live ends the process at a call, and begins to count anew.
func (p *process) live(endsAt int, after bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.endsAt, p.after = 0, endsAt, after
}

// ended reports whether the process has ended.
func (p *process) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.endsAt > 0 && p.calls >= p.endsAt
}

// turn counts a call, and says whether it takes effect and whether the process
// gets its answer.
func (p *process) turn() (takesEffect, answered bool) {
	p.mu.Lock()
	p.calls++
	call, endsAt, after, loses, before := p.calls, p.endsAt, p.after, p.loses, p.before
	p.mu.Unlock()
	if before != nil {
		before(call)
	}
	lives := endsAt == 0 || call < endsAt
	return lives || call == endsAt && after, lives && call != loses
}

// call makes a call, if the process lives.
func call[T any](p *process, do func() (T, error)) (result T, err error) {
	effect, answered := p.turn()
	if effect {
		result, err = do()
	}
	if !answered {
		var none T
		return none, errEnded
	}
	return result, err
}

func callOnly(p *process, do func() error) error {
	_, err := call(p, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// inEveryWorld runs a test on the embedded store, and on AWS's interfaces.
func inEveryWorld(t *testing.T, test func(t *testing.T, open func(t *testing.T) *world)) {
	t.Run("embedded", func(t *testing.T) { test(t, newWorld) })
	t.Run("AWS", func(t *testing.T) { test(t, awsWorlds(t)) })
}

// newWorld is a directory on an embedded store.
func newWorld(t *testing.T) *world {
	t.Helper()
	clock, newID := lockouttest.NewClock(start), lockouttest.IDs()
	store, err := embedded.Open(filepath.Join(t.TempDir(), "data"),
		embedded.Options{Hasher: cheapHasher(), Now: clock.Now, NewID: newID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{process: new(process), client: "acme", people: store.Users, records: store.Attempts, trail: store.Trail, clock: clock}
	pool := &pool{process: w.process, enrolled: map[string]access.User{}}
	w.mint = pool
	w.Directory = &directory.Directory{
		Users: mortalUsers{store.Users, w.process, clock}, Tokens: pool, Attempts: mortalAttempts{store.Attempts, w.process},
		Hasher: cheapHasher(), Now: clock.Now, NewID: newID,
	}
	return w
}

func cheapHasher() *users.Hasher {
	return users.NewHasher(users.Params{Memory: 8, Time: 1, Threads: 1}, rand.Reader, 2)
}

// mortalUsers are the users as the process sees them. Time passes with them.
type mortalUsers struct {
	people
	process *process
	clock   *lockouttest.Clock
}

func (m mortalUsers) ClientExists(ctx context.Context, client string) (bool, error) {
	return call(m.process, func() (bool, error) { return m.people.ClientExists(ctx, client) })
}

func (m mortalUsers) CreateClient(ctx context.Context, client string, at time.Time, e audit.Entry) error {
	return callOnly(m.process, func() error { return m.people.CreateClient(ctx, client, at, e) })
}

func (m mortalUsers) User(ctx context.Context, key lockout.Key) (access.User, error) {
	m.clock.Advance(time.Millisecond)
	return call(m.process, func() (access.User, error) { return m.people.User(ctx, key) })
}

func (m mortalUsers) List(ctx context.Context, l access.Listing) (all []access.User, next string, err error) {
	err = callOnly(m.process, func() error { all, next, err = m.people.List(ctx, l); return err })
	return all, next, err
}

func (m mortalUsers) Create(ctx context.Context, user access.User, phc string, e audit.Entry) error {
	m.clock.Advance(time.Millisecond)
	return callOnly(m.process, func() error { return m.people.Create(ctx, user, phc, e) })
}

func (m mortalUsers) Update(ctx context.Context, before, after access.User, e audit.Entry) error {
	return callOnly(m.process, func() error { return m.people.Update(ctx, before, after, e) })
}

func (m mortalUsers) SetPassword(ctx context.Context, before access.User, phc string, since time.Time, e audit.Entry) error {
	return callOnly(m.process, func() error { return m.people.SetPassword(ctx, before, phc, since, e) })
}

func (m mortalUsers) Delete(ctx context.Context, before access.User, e audit.Entry) error {
	return callOnly(m.process, func() error { return m.people.Delete(ctx, before, e) })
}

// mortalAttempts are the records as the process sees them.
type mortalAttempts struct {
	attempts lockout.Attempts
	process  *process
}

func (m mortalAttempts) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	return call(m.process, func() (lockout.Result, error) { return m.attempts.Apply(ctx, key, t) })
}

func (m mortalAttempts) Read(ctx context.Context, key lockout.Key) (lockout.Record, error) {
	return call(m.process, func() (lockout.Record, error) { return m.attempts.Read(ctx, key) })
}

// A pool is a mint that knows its users by name, creation and role, as Cognito
// does by name and machine password.
type pool struct {
	process   *process
	mu        sync.Mutex
	enrolled  map[string]access.User
	signedOut []string
}

func (p *pool) Enrol(_ context.Context, user access.User) error {
	return callOnly(p.process, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.enrolled[user.Username] = user
		return nil
	})
}

func (p *pool) Remove(_ context.Context, user access.User) error {
	return callOnly(p.process, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.enrolled, user.Username)
		return nil
	})
}

func (p *pool) SignOut(_ context.Context, user access.User) error {
	return callOnly(p.process, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.signedOut = append(p.signedOut, user.Username)
		return nil
	})
}

func (p *pool) roles(_ *testing.T, user access.User) []access.Role {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.enrolled[user.Username]
	if !ok || !known.CreatedAt.Equal(user.CreatedAt) || known.Role != user.Role {
		return nil
	}
	return []access.Role{known.Role}
}

// identity is what the command infra/ministack exports about the user pool.
type identity struct {
	environ.AWS
	Issuer environ.Issuer
	Secret environ.Parameter `env:"PORTCULLIS_TOKEN_SECRET_PARAMETER,required,notEmpty"`
}

// awsWorlds opens worlds on AWS's interfaces, which share their tables and have
// a client each.
func awsWorlds(t *testing.T) func(t *testing.T) *world {
	t.Helper()
	tables := lockouttest.Tables(t)
	found, err := environ.Parse[identity](os.Environ())
	if err != nil {
		t.Fatalf("no user pool to test with, run `make test`: %v", err)
	}
	return func(t *testing.T) *world {
		t.Helper()
		p, config, clock := new(process), lockouttest.AWS(t), environ.Clock{}
		config.APIOptions = append(config.APIOptions, p.mortal)
		db := dynamodb.NewFromConfig(config)
		log := audit.New(db, tables.Audit)
		records := attempts.New(db, tables.Attempts, log, clock, environ.Jitter)
		people := users.New(db, tables.Users, cheapHasher(), log)
		m := tokens.NewMinter(cognitoidentityprovider.NewFromConfig(config), ssm.NewFromConfig(config),
			string(found.Issuer.UserPoolID), string(found.Issuer.AppClientID), string(found.Secret), time.Now)
		return &world{
			Directory: &directory.Directory{
				Users: people, Tokens: m, Attempts: records, Hasher: cheapHasher(), Now: time.Now, NewID: environ.NewID,
			},
			process: p, client: "t" + strings.ToLower(rand.Text()), people: people, records: records, trail: log, clock: clock,
			mint: cognitoMint{m, &bearer.Verifier{
				Issuer: found.Issuer.Address(found.Region), ClientID: string(found.Issuer.AppClientID),
				Keys: bearer.NewJWKS(found.Issuer.Keys(found.Region), environ.HTTPClient(), time.Now), Now: time.Now,
			}},
		}
	}
}

// mortal makes every request to AWS a call of the process. It stands before the
// SDK's own retries.
func (p *process) mortal(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("process",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
			err = callOnly(p, func() error { out, metadata, err = next.HandleInitialize(ctx, in); return err })
			return out, metadata, err
		}), middleware.Before)
}

// cognitoMint is the mint with Cognito.
type cognitoMint struct {
	*tokens.Minter
	verifier *bearer.Verifier
}

func (m cognitoMint) roles(t *testing.T, user access.User) []access.Role {
	t.Helper()
	session, err := m.Mint(t.Context(), user)
	if err != nil {
		return nil
	}
	caller, err := m.verifier.Verify(t.Context(), session.AccessToken)
	if err != nil {
		t.Error(err)
	}
	return []access.Role{caller.Role}
}

// A state is all that is stored of one user, as far as it is promised.
type state struct {
	Role     access.Role // empty for nobody
	Password string      // which of those that were set
	Minted   []access.Role
	Record   string // what is left on it
	Actions  map[audit.Action]int
}

// state reads ana's state. Besides as who she is, the mint is asked for tokens
// as who she was.
func (w *world) state(t *testing.T, was []access.User) state {
	t.Helper()
	got := state{Record: w.leftovers(t, "ana.silva"), Actions: w.actions(t)}
	is := w.stored(t, "ana.silva")
	for _, user := range is {
		got.Role, got.Password = user.Role, w.password(t, w.key(t, "ana.silva"))
		got.Minted = w.mint.roles(t, user)
	}
	for _, user := range was {
		if len(is) == 0 || !is[0].CreatedAt.Equal(user.CreatedAt) {
			got.Minted = append(got.Minted, w.mint.roles(t, user)...)
		}
	}
	return got
}

// stored returns the user of the name, if there is one.
func (w *world) stored(t *testing.T, username string) []access.User {
	t.Helper()
	user, err := w.people.User(t.Context(), w.key(t, username))
	switch {
	case errors.Is(err, lockout.ErrNotFound):
		return nil
	case err != nil:
		t.Fatal(err)
	}
	return []access.User{user}
}

// The passwords that tests give to people.
const (
	anasPassword   = "Correct-horse-9"
	secondPassword = "Second-horse-9"
	thirdPassword  = "Third-horse-9"
)

// password returns which of the tests' passwords is the user's.
func (w *world) password(t *testing.T, key lockout.Key) string {
	t.Helper()
	credential, err := w.people.Credential(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{anasPassword, secondPassword, thirdPassword} {
		if right, err := credential.Compare(t.Context(), password); err != nil {
			t.Fatal(err)
		} else if right {
			return password
		}
	}
	return ""
}

// locked stands for a record with a lock that does not expire.
const locked = "locked"

// leftovers says what is on the record of a user, other than its generation.
func (w *world) leftovers(t *testing.T, username string) string {
	t.Helper()
	r := w.record(t, username)
	if r.Locked() && r.ExpiresAt.IsZero() {
		return locked
	}
	r.Generation, r.ChargedAt = 0, time.Time{}
	if diff := cmp.Diff(r, lockout.Record{}); diff != "" {
		return diff
	}
	return ""
}

func (w *world) record(t *testing.T, username string) lockout.Record {
	t.Helper()
	record, err := w.records.Read(t.Context(), w.key(t, username))
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// actions counts the entries of the trail by what they record.
func (w *world) actions(t *testing.T) map[audit.Action]int {
	t.Helper()
	counts := map[audit.Action]int{}
	for _, e := range w.entries(t) {
		counts[e.Action]++
	}
	return counts
}

// entries returns the client's trail, newest first.
func (w *world) entries(t *testing.T) []audit.Entry {
	t.Helper()
	entries, next, err := w.trail.Entries(t.Context(), audit.Query{Client: w.client, Limit: 100})
	if err != nil || next != "" {
		t.Fatalf("reading the trail: more behind %q, %v", next, err)
	}
	return slices.Clone(entries)
}

func (w *world) key(t *testing.T, username string) lockout.Key {
	t.Helper()
	key, err := users.UserKey(w.client, username)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// gate is the way in, with a maximum.
func (w *world) gate(maximum int) *lockout.Gate[users.Credential] {
	return &lockout.Gate[users.Credential]{
		Attempts: w.records, Credentials: w.people, Maximums: lockouttest.FixedMaximum(maximum),
		Clock: w.clock, NewID: w.NewID, Jitter: func() float64 { return 0 }, Lifetime: 10 * time.Second,
	}
}

// lock leaves the name locked by one wrong password.
func (w *world) lock(t *testing.T, username string) {
	t.Helper()
	attempt := lockout.Attempt{Key: w.key(t, username), Password: "guess"}
	if verdict, err := w.gate(1).Attempt(t.Context(), attempt); err != nil || verdict.Ruling != lockout.Locked {
		t.Fatalf("got %v, %v; want a lock", verdict.Ruling, err)
	}
}

// user reads a user who is there.
func (w *world) user(t *testing.T, username string) access.User {
	t.Helper()
	user, err := w.people.User(t.Context(), w.key(t, username))
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// acme is the order for the client of a world.
func (w *world) acme() directory.Provision {
	return directory.Provision{
		Client: w.client, Username: "root", Name: "Rute", Email: "rute@example.com", By: lockout.ActorPortcullis,
	}
}

func (w *world) provision(t *testing.T) directory.Provisioned {
	t.Helper()
	got, err := w.Provision(t.Context(), w.acme())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// ana is a user who is to be created.
func (w *world) ana() access.User {
	return access.User{Client: w.client, Username: "ana.silva", Role: access.Manager, Name: "Ana Silva", Email: "ana@example.com"}
}

// create makes ana.
func (w *world) create(t *testing.T) access.User {
	t.Helper()
	made, err := w.CreateUser(t.Context(), w.ana(), anasPassword, byRoot)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

var byRoot = access.Act{Actor: "acme/root", SourceIP: "192.0.2.1", RequestID: "r1", Reason: "new colleague"}

func ptr[T any](v T) *T { return &v }

package e2e_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/infra/faults"
	"portcullis/internal/access"
	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/policy"
	"portcullis/internal/tokens"
	"portcullis/internal/users"
)

// faultTimeout is how long a function may take here: long enough, also where the
// machine is busy, for a connection that hangs, 3 s, and another try.
const faultTimeout = 8 * time.Second

// tokenTime is how long an access token is used here; it is good for 15 minutes.
const tokenTime = 5 * time.Minute

// The passwords of those whom faults happen to.
const (
	goodPassword  = "right-horse-1"
	otherPassword = "other-horse-2"
)

// tableNames is what the stores are called in calls: the tables as the record of
// calls has them.
func tableNames() map[string]string {
	return map[string]string{
		os.Getenv("PORTCULLIS_ATTEMPTS_TABLE"):          "AttemptsTable",
		os.Getenv("PORTCULLIS_USERS_TABLE"):             "UsersTable",
		os.Getenv("PORTCULLIS_AUDIT_TABLE"):             "AuditTable",
		os.Getenv("PORTCULLIS_TOKEN_SECRET_PARAMETER"):  "token-secret",
		os.Getenv("PORTCULLIS_CURSOR_SECRET_PARAMETER"): "cursor-secret",
	}
}

// nameOf is the alias of a table or a parameter; those of the clients are all
// "maximum".
func nameOf(name string) string {
	if short, ok := tableNames()[name]; ok {
		return short
	}
	if strings.HasSuffix(name, "/max-failed-login-attempts-portal") {
		return "maximum"
	}
	return name
}

// A bench is a server of the compiled functions, each event in a process of its
// own, with a proxy before the services, and the services themselves to look at.
// It does one thing at a time.
type bench struct {
	*world
	proxy  *faults.Proxy
	stores *behind
	client string
	root   person // the client's Sysadmin
	token  string
	began  time.Time // of the token
	made   int       // subjects
	// maximum is what the client has set, -1 for something unknown.
	maximum int
}

// startProxy starts a proxy before the services, and returns the environment of a
// server that is to go through it.
func startProxy(t *testing.T) (proxy *faults.Proxy, environment []string) {
	t.Helper()
	proxy, err := faults.Start(os.Getenv("AWS_ENDPOINT_URL"), nameOf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	keys, err := url.Parse(os.Getenv("PORTCULLIS_JWKS_URL"))
	if err != nil {
		t.Fatal(err)
	}
	return proxy, []string{"AWS_ENDPOINT_URL=" + proxy.URL(), "PORTCULLIS_JWKS_URL=" + proxy.URL() + keys.Path}
}

// startBench starts the server of one bench.
func startBench(t *testing.T, stores *behind) *bench {
	t.Helper()
	proxy, proxied := startProxy(t)
	b := &bench{proxy: proxy, stores: stores}
	b.world = startIn(t, proxied,
		"-functions", *functions, "-cold", "-timeout", faultTimeout.String(), "-log", "error")
	b.root = b.with(t, "Sysadmin")
	b.client = b.root.Client
	return b
}

// renewToken sees to an access token that is good for a while, with more than one
// try: the machine may be busy.
func (b *bench) renewToken() error {
	if time.Since(b.began) < tokenTime {
		return nil
	}
	var a answer
	for range patientRuns {
		var err error
		if a, err = b.try("POST", "/login", "", loginBody(b.root, b.root.Password)); err != nil {
			return err
		}
		if token, ok := a.body["access_token"].(string); ok {
			b.token, b.began = token, time.Now()
			return nil
		}
	}
	return fmt.Errorf("logging %s in: got %s", b.root.Username, a)
}

// setMaximum sets the client's maximum; 0 is none.
func (b *bench) setMaximum(ctx context.Context, maximum int) error {
	if _, err := b.stores.policies.Clear(ctx, b.client, "test"); err != nil {
		return err
	}
	if b.maximum = maximum; maximum == 0 {
		return nil
	}
	_, err := b.stores.policies.Set(ctx, b.client, maximum, nil, "test/root")
	return err
}

// behind are the stores themselves, without a fault between.
type behind struct {
	db       *dynamodb.Client
	attempts *attempts.Store
	users    *users.Store
	trail    *audit.Trail
	policies *policy.Store
	mint     *tokens.Minter
	phc      string // of goodPassword
	outdated string // of it, made with less
}

func openBehind(t *testing.T) *behind {
	t.Helper()
	config := lockouttest.AWS(t)
	db, parameters := dynamodb.NewFromConfig(config), ssm.NewFromConfig(config)
	hasher := users.NewHasher(users.DefaultParams(), rand.Reader, 1)
	trail := audit.New(db, os.Getenv("PORTCULLIS_AUDIT_TABLE"))
	s := &behind{
		db: db, trail: trail,
		attempts: attempts.New(db, os.Getenv("PORTCULLIS_ATTEMPTS_TABLE"), trail, environ.Clock{}, environ.Jitter),
		users:    users.New(db, os.Getenv("PORTCULLIS_USERS_TABLE"), hasher, trail),
		policies: policy.New(parameters, os.Getenv("PORTCULLIS_STAGE")),
		mint: tokens.NewMinter(cognitoidentityprovider.NewFromConfig(config), parameters, os.Getenv("PORTCULLIS_USER_POOL_ID"),
			os.Getenv("PORTCULLIS_APP_CLIENT_ID"), os.Getenv("PORTCULLIS_TOKEN_SECRET_PARAMETER"), time.Now),
	}
	var err error
	if s.phc, err = hasher.Hash(t.Context(), goodPassword); err != nil {
		t.Fatal(err)
	}
	cheap := users.NewHasher(users.Params{Memory: 64, Time: 1, Threads: 1}, rand.Reader, 1)
	if s.outdated, err = cheap.Hash(t.Context(), goodPassword); err != nil {
		t.Fatal(err)
	}
	return s
}

// A subject is whom an act is done to.
type subject struct {
	*behind
	user    access.User
	key     lockout.Key
	refresh string // token, where there is one
}

// A making says what a subject is before the act.
type making struct {
	unknown   bool        // there is no such user
	role      access.Role // by default a Manager
	enrolled  bool        // the mint knows them
	outdated  bool        // their hash is to be made stronger
	failed    int         // attempts of theirs
	locked    bool
	abandoned int  // attempts that died an hour ago
	session   bool // has a refresh token
}

// make makes a subject of the bench's client.
func (b *bench) make(ctx context.Context, m making) (*subject, error) {
	b.made++
	s := &subject{behind: b.stores, user: access.User{
		Client: b.client, Username: fmt.Sprintf("subject-%d", b.made), Role: access.Manager, Name: "A Name",
		CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
	}}
	if m.role != "" {
		s.user.Role = m.role
	}
	s.user.SessionsSince = s.user.CreatedAt
	var err error
	if s.key, err = users.UserKey(s.user.Client, s.user.Username); err != nil {
		return nil, err
	}
	steps := []func() error{func() error { return s.create(ctx, m) }, func() error { return s.spoil(ctx, m) }}
	if m.enrolled || m.session {
		steps = append(steps, func() error { return s.mint.Enrol(ctx, s.user) })
	}
	if m.session {
		steps = append(steps, func() error {
			session, err := s.mint.Mint(ctx, s.user)
			s.refresh = session.RefreshToken
			return err
		})
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *subject) create(ctx context.Context, m making) error {
	if m.unknown {
		return nil
	}
	phc := s.phc
	if m.outdated {
		phc = s.outdated
	}
	return s.users.Create(ctx, s.user, phc, audit.Entry{
		Client: s.user.Client, ID: environ.NewID(), At: s.user.CreatedAt, Action: audit.UserCreated,
		Actor: lockout.ActorPortcullis, Username: s.user.Username,
	})
}

// spoil gives a subject the attempts that they are to have.
func (s *subject) spoil(ctx context.Context, m making) error {
	failures, limit := m.failed, lockout.DefaultMaximum
	if m.locked {
		failures, limit = 1, 1
	}
	for range failures {
		if err := s.fail(ctx, limit, m.unknown); err != nil {
			return err
		}
	}
	for range m.abandoned {
		charge := lockout.Charge{AttemptID: environ.NewID(), Maximum: lockout.DefaultMaximum, At: time.Now().Add(-time.Hour)}
		if _, err := s.attempts.Apply(ctx, s.key, charge); err != nil {
			return err
		}
	}
	return nil
}

// fail charges and settles one failure.
func (s *subject) fail(ctx context.Context, limit int, unknown bool) error {
	id, now := environ.NewID(), time.Now()
	charged, err := s.attempts.Apply(ctx, s.key, lockout.Charge{AttemptID: id, Maximum: limit, At: now})
	if err != nil {
		return err
	}
	fail := lockout.Fail{
		Generation: charged.Record.Generation, Maximum: limit, Seen: charged.Record,
		Evidence: lockout.Evidence{AttemptID: id, At: now, SourceIP: "203.0.113.7", UserAgent: "the test"},
		Lock:     lockout.Event{ID: environ.NewID(), Kind: lockout.EventLock, At: now, Key: s.key, Actor: lockout.ActorPortcullis},
	}
	if unknown {
		fail.ExpiresAt = now.Add(lockout.UnknownUserRetention)
	}
	_, err = s.attempts.Apply(ctx, s.key, fail)
	return err
}

// A state is what the stores hold of a subject and their client.
type state struct {
	Role, Name, Password string // "right", "outdated", "other" or none
	Locked               bool
	Failed, InFlight     int
	Maximum              int
	Entries              map[audit.Action]int
}

func (s *subject) state(ctx context.Context) (state, error) {
	record, err := s.attempts.Read(ctx, s.key)
	if err != nil {
		return state{}, err
	}
	set, err := s.policies.Policy(ctx, s.user.Client)
	if err != nil {
		return state{}, err
	}
	is := state{
		Locked: record.Locked(), Failed: record.Failed, InFlight: len(record.InFlight), Maximum: set.Maximum,
		Entries: map[audit.Action]int{},
	}
	if record.Charged != record.Failed+len(record.InFlight) {
		return is, fmt.Errorf("%d are charged, %d failed and %d in flight", record.Charged, record.Failed, len(record.InFlight))
	}
	if err := s.readUser(ctx, &is); err != nil {
		return is, err
	}
	for _, q := range []audit.Query{{Username: s.user.Username}, {Action: audit.PolicyChanged}} {
		q.Client, q.Limit = s.user.Client, 1000
		entries, _, err := s.trail.Entries(ctx, q)
		if err != nil {
			return is, err
		}
		for _, e := range entries {
			is.Entries[e.Action]++
		}
	}
	return is, nil
}

// readUser reads what no store of ours reads together: the user and the hash.
func (s *subject) readUser(ctx context.Context, is *state) error {
	text := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	found, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(os.Getenv("PORTCULLIS_USERS_TABLE")), ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"client": text(s.user.Client), "username": text(s.user.Username)},
	})
	if err != nil || len(found.Item) == 0 {
		return err
	}
	read := func(name string) string {
		v, _ := found.Item[name].(*types.AttributeValueMemberS)
		if v == nil {
			return ""
		}
		return v.Value
	}
	is.Role, is.Name = read("role"), read("name")
	switch read("password_hash") {
	case s.phc:
		is.Password = "right"
	case s.outdated:
		is.Password = "outdated"
	default:
		is.Password = "other"
	}
	return nil
}

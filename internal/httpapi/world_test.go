package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/infra"
	"portcullis/infra/contract"
	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// api is the contract that every answer of these tests is held against.
var api = contract.MustLoad()

// TestMain also fails if a status of the contract is given by no test, unless no
// handler gives it.
func TestMain(m *testing.M) {
	os.Exit(api.Main(m, func(c contract.Case) bool { return !api.GatewayAlone(c) }))
}

// secrets are in every password and every token of these tests, and in nothing
// else: the log of no test may hold one.
var secrets = []string{"s3cret", "t0ken"}

var start = time.Date(2026, 11, 23, 10, 0, 0, 123_000_000, time.UTC)

var errOutage = fmt.Errorf("the store is away: %w", lockout.ErrUnavailable)

var (
	ana  = key("acme", "ana.silva")
	root = access.Caller{Client: "acme", Username: "root", Role: access.Sysadmin}
)

// A world is every handler, over fakes, with what they wrote to the log.
type world struct {
	attempts    *lockouttest.MemoryAttempts
	credentials *lockouttest.Credentials
	gate        *lockout.Gate[lockouttest.Credential]
	clock       *lockouttest.Clock
	people      people
	policies    *policies
	trail       *trail
	directory   *directory
	sessions    *sessions
	mint        *mint
	healthy     error
	unread      error // of the attempts of several users
	cursorKey   string
	newerKey    string // that replaced it, if any, and has not been noticed
	keyErr      error
	log         *journal
	edge        httpapi.Edge
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := quietWorld()
	t.Cleanup(func() { w.log.check(t) })
	return w
}

// quietWorld is a world whose log a test has to look at by itself: a fuzzer can put
// what is a secret elsewhere where a name goes.
func quietWorld() *world {
	w := &world{
		attempts: lockouttest.NewAttempts(),
		credentials: lockouttest.NewCredentials(map[string]string{
			"acme/ana.silva": "s3cret right 1", "acme/root": "s3cret right 2",
		}),
		clock:     lockouttest.NewClock(start),
		people:    someone("ana.silva", "root"),
		policies:  &policies{stored: lockout.DefaultPolicy()},
		trail:     &trail{},
		mint:      &mint{},
		cursorKey: "a key of thirty-two bytes or more",
		log:       &journal{},
	}
	w.directory, w.sessions = &directory{people: &w.people, clock: w.clock}, newSessions()
	w.gate = &lockout.Gate[lockouttest.Credential]{
		Attempts: w.attempts, Credentials: w.credentials, Maximums: lockouttest.FixedMaximum(5), Clock: w.clock,
		NewID: lockouttest.IDs(), Jitter: func() float64 { return 0.5 }, Lifetime: 10 * time.Second,
	}
	w.edge = httpapi.Edge{Log: slog.New(slog.NewJSONHandler(w.log, nil)), Now: w.clock.Now, Key: users.UserKey}
	return w
}

// handlers returns the handler of every route, by method and path.
func (w *world) handlers() map[string]httpapi.Handler {
	e, ids, five := w.edge, lockouttest.IDs(), lockouttest.FixedMaximum(5)
	unlocker := &lockout.Unlocker{Attempts: w.gate.Attempts, Maximums: five, Now: w.clock.Now, NewID: ids}
	handlers := httpapi.Preflights(e)
	maps.Copy(handlers, map[string]httpapi.Handler{
		"POST /login":       httpapi.Login(e, w.gate, users.LoginKey, w.mint),
		"GET /health":       httpapi.Health(e, "v1", func(context.Context) error { return w.healthy }),
		"GET /openapi.yaml": httpapi.OpenAPI(e, infra.Contract()),
		"POST /clients/{client}/users/{username}/unlock": httpapi.Unlock(e, unlocker, w.people),
		"GET /clients/{client}/policy":                   httpapi.GetPolicy(e, w.policies),
		"PUT /clients/{client}/policy":                   httpapi.PutPolicy(e, w.policies, w.trail, ids),
		"DELETE /clients/{client}/policy":                httpapi.DeletePolicy(e, w.policies, w.trail, ids),
		"GET /clients/{client}/users":                    httpapi.ListUsers(e, w.people, w.attempts, five, w.cursors()),
		"GET /clients/{client}/users/{username}":         httpapi.GetUser(e, w.people, w.attempts, five),
		"GET /clients/{client}/audit":                    httpapi.GetAudit(e, w.trail, w.cursors()),

		"POST /token":                                     httpapi.Token(e, w.sessions, w.people, w.gate.Attempts),
		"POST /logout":                                    httpapi.Logout(e, w.sessions),
		"POST /clients/{client}/users":                    httpapi.CreateUser(e, w.directory, w.records(), five),
		"PUT /clients/{client}/users/{username}":          httpapi.UpdateUser(e, w.directory, w.records(), five),
		"DELETE /clients/{client}/users/{username}":       httpapi.DeleteUser(e, w.directory),
		"PUT /clients/{client}/users/{username}/password": httpapi.SetPassword(e, w.directory),

		"POST /clients/{client}/unlocks": httpapi.UnlockMany(e, unlocker, w.people),
	})
	return handlers
}

// cursors signs with the key of the world, which may be away.
func (w *world) cursors() httpapi.Cursors { return httpapi.Cursors{Keys: cursorKeys{w}} }

type cursorKeys struct{ w *world }

func (k cursorKeys) Get(context.Context) ([]byte, error) { return []byte(k.w.cursorKey), k.w.keyErr }

func (k cursorKeys) Newer(_ context.Context, refused []byte) []byte {
	if k.w.newerKey == "" {
		return refused
	}
	return []byte(k.w.newerKey)
}

// send has the event answered by its handler.
func (w *world) send(t *testing.T, event events.APIGatewayProxyRequest) answer {
	t.Helper()
	return w.answered(t, t.Context(), httpapi.Mux(w.edge, w.handlers()), event)
}

// answered has a handler answer the event, and checks what holds for every
// answer.
func (w *world) answered(
	t *testing.T, ctx context.Context, handler httpapi.Handler, event events.APIGatewayProxyRequest,
) answer {
	t.Helper()
	response, err := handler(ctx, event)
	if err != nil {
		t.Fatalf("handler returned an error: %v", err)
	}
	if err := api.CheckEvent(event, response); err != nil {
		t.Error(err)
	}
	a := answer{APIGatewayProxyResponse: response}
	if strings.HasSuffix(response.Headers["Content-Type"], "json") {
		if err := json.Unmarshal([]byte(response.Body), &a.fields); err != nil {
			t.Fatalf("answer is not JSON: %v: %s", err, response.Body)
		}
	}
	a.check(t, event)
	return a
}

// An answer is a response with the fields of its body.
type answer struct {
	events.APIGatewayProxyResponse
	fields map[string]any
}

// kind returns the last part of a problem's type, empty where there is none.
func (a answer) kind() string {
	kind, _ := a.fields["type"].(string)
	return strings.TrimPrefix(kind, "urn:portcullis:problem:")
}

func (a answer) check(t *testing.T, event events.APIGatewayProxyRequest) {
	t.Helper()
	want := map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"X-Request-Id": event.RequestContext.RequestID, "Content-Type": "application/json",
	}
	switch {
	case a.StatusCode == 204:
		want["Content-Type"] = ""
		if a.Body != "" {
			t.Errorf("204 with the body %q", a.Body)
		}
	case a.StatusCode == 200 && event.Resource == "/openapi.yaml":
		want["Content-Type"] = "application/yaml"
	case a.StatusCode >= 400:
		want["Content-Type"] = "application/problem+json"
		if a.fields["status"] != float64(a.StatusCode) || a.fields["request_id"] != event.RequestContext.RequestID ||
			a.fields["title"] == "" || a.fields["detail"] == "" {
			t.Errorf("not a problem of this request: %s", a.Body)
		}
	}
	for name, value := range want {
		if a.Headers[name] != value {
			t.Errorf("header %s is %q, want %q", name, a.Headers[name], value)
		}
	}
	for _, secret := range secrets {
		if a.StatusCode >= 400 && strings.Contains(a.Body, secret) {
			t.Errorf("problem repeats what was sent: %s", a.Body)
		}
	}
}

// recorded reads an event of testdata.
func recorded(t *testing.T, path string) events.APIGatewayProxyRequest {
	t.Helper()
	return decoded[events.APIGatewayProxyRequest](t, path)
}

func decoded[E any](t *testing.T, path string) E {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", path+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var event E
	if err := json.Unmarshal(text, &event); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return event
}

// recordings returns the names of the events in a folder of testdata.
func recordings(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded events in %s: %v", folder, err)
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(filepath.Base(file), ".json")
	}
	return names
}

// as returns the event with another caller from the authorizer.
func as(event events.APIGatewayProxyRequest, caller access.Caller) events.APIGatewayProxyRequest {
	event.RequestContext.Authorizer = map[string]any{
		"client": caller.Client, "username": caller.Username, "role": string(caller.Role), "principalId": caller.String(),
	}
	return event
}

func key(client, username string) lockout.Key {
	k, err := users.UserKey(client, username)
	if err != nil {
		panic(err)
	}
	return k
}

// A journal is a log that a test can read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// lines returns what was logged, without the times.
func (j *journal) lines(t *testing.T) []map[string]any {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []map[string]any
	for line := range bytes.Lines(j.text.Bytes()) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("log line is not JSON: %v: %s", err, line)
		}
		delete(fields, "time")
		all = append(all, fields)
	}
	return all
}

// last returns the newest line.
func (j *journal) last(t *testing.T) map[string]any {
	t.Helper()
	lines := j.lines(t)
	if len(lines) == 0 {
		t.Fatal("nothing was logged")
	}
	return lines[len(lines)-1]
}

func (j *journal) check(t *testing.T) {
	for _, line := range j.lines(t) {
		text := fmt.Sprint(line)
		if i := slices.IndexFunc(secrets, func(s string) bool { return strings.Contains(text, s) }); i >= 0 {
			t.Errorf("the log holds %q: %s", secrets[i], text)
		}
		if len(text) > 12<<10 {
			t.Errorf("log line has %d bytes", len(text))
		}
	}
}

// people is a client's users, in memory.
type people struct {
	all    []access.User
	err    error
	panics string // the username that must not be asked for
}

func someone(usernames ...string) people {
	var p people
	for _, name := range slices.Sorted(slices.Values(usernames)) {
		p.all = append(p.all, access.User{
			Client: "acme", Username: name, Role: access.Manager, Name: "N. " + name,
			Email: name + "@example.com", CreatedAt: start.Add(-time.Hour), SessionsSince: start.Add(-time.Hour),
		})
	}
	return p
}

func (p people) Exists(_ context.Context, k lockout.Key) (bool, error) {
	_, err := p.User(context.Background(), k)
	if errors.Is(err, lockout.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (p people) User(_ context.Context, k lockout.Key) (access.User, error) {
	if p.err != nil {
		return access.User{}, p.err
	}
	if p.panics == k.Username() && p.panics != "" {
		panic("index out of range")
	}
	for _, user := range p.all {
		if user.Client == k.Client() && user.Username == k.Username() {
			return user, nil
		}
	}
	return access.User{}, lockout.ErrNotFound
}

// searched is how many users one read looks at when it looks for some.
const searched = 1000

func (p people) List(_ context.Context, l access.Listing) (found []access.User, next string, err error) {
	text, looked := strings.ToLower(l.Text), 0
	for _, user := range p.all {
		if user.Client != l.Client || user.Username <= l.After {
			continue
		}
		if looked == searched || len(found) == l.Limit {
			return found, next, p.err
		}
		looked, next = looked+1, user.Username
		if (l.Role == "" || l.Role == user.Role) &&
			strings.Contains(strings.ToLower(user.Username+"\n"+user.Name+"\n"+user.Email), text) {
			found = append(found, user)
		}
	}
	return found, "", p.err
}

func (p people) ReadMany(_ context.Context, keys []lockout.Key) (map[lockout.Key]access.User, error) {
	found := map[lockout.Key]access.User{}
	for _, user := range p.all {
		if k := key(user.Client, user.Username); slices.Contains(keys, k) {
			found[k] = user
		}
	}
	return found, p.err
}

// policies is one client's policy, in memory, with the faults that a test asks
// for.
type policies struct {
	stored  lockout.Policy
	readErr error
	// setting, if not nil, is called before a change, and its error is what
	// the change returns without having been made.
	setting func() error
	// lost, if not nil, is what a change returns that has been made.
	lost error
}

func (p *policies) Policy(context.Context, string) (lockout.Policy, error) {
	return p.stored, p.readErr
}

func (p *policies) Set(_ context.Context, _ string, maximum int, version *int64, by string) (lockout.Policy, error) {
	return p.change(lockout.Policy{
		Maximum: maximum, Source: lockout.SourceClient, Version: p.stored.Version + 1, UpdatedAt: start, UpdatedBy: by,
	}, version)
}

func (p *policies) Clear(context.Context, string, string) (lockout.Policy, error) {
	return p.change(lockout.DefaultPolicy(), nil)
}

func (p *policies) change(to lockout.Policy, version *int64) (lockout.Policy, error) {
	if p.setting != nil {
		if err := p.setting(); err != nil {
			return lockout.Policy{}, err
		}
	}
	if version != nil && *version != p.stored.Version {
		return lockout.Policy{}, &lockout.ConflictError{Current: p.stored}
	}
	p.stored = to
	if p.lost != nil {
		return lockout.Policy{}, p.lost
	}
	return to, nil
}

// trail is an audit trail in memory.
type trail struct {
	entries []audit.Entry
	err     error
}

func (tr *trail) Append(ctx context.Context, entry audit.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if tr.err != nil {
		return tr.err
	}
	tr.entries = append(tr.entries, entry)
	return nil
}

// looks is how many entries one read of the trail looks at.
const looks = 10

func (tr *trail) Entries(_ context.Context, q audit.Query) (found []audit.Entry, next string, err error) {
	if tr.err != nil {
		return nil, "", tr.err
	}
	looked := 0
	for _, e := range slices.Backward(tr.entries) {
		if e.Client != q.Client || q.Before != "" && e.ID >= q.Before {
			continue
		}
		if looked == looks || len(found) == q.Limit {
			return found, next, nil
		}
		looked, next = looked+1, e.ID
		if (q.Username == "" || q.Username == e.Username) && (q.Action == "" || q.Action == e.Action) {
			found = append(found, e)
		}
	}
	return found, "", nil
}

// mint makes tokens that a test can find again.
type mint struct {
	err   error
	panic any
}

func (m *mint) Mint(_ context.Context, user access.User) (access.Session, error) {
	if m.panic != nil {
		panic(m.panic)
	}
	if m.err != nil {
		return access.Session{}, m.err
	}
	return access.Session{
		AccessToken: "t0ken access", IDToken: "t0ken id", RefreshToken: "t0ken refresh", ExpiresIn: 15 * time.Minute,
	}, nil
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"time"

	"portcullis/internal/environ"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// The tools that faults are made of.

// far is a context of what a fault does behind a server's back.
func far() context.Context { return context.Background() }

func keyOf(client, username string) lockout.Key {
	key, err := users.LoginKey(client, username)
	if err != nil {
		return lockout.Key{}
	}
	return key
}

// forget clears a lock and a count.
func (s *site) forget(key lockout.Key) {
	seen, err := s.store.Attempts.Read(far(), key)
	if err != nil {
		return
	}
	_, _ = s.store.Attempts.Apply(far(), key, lockout.Unlock{
		Seen: seen, Maximum: lockout.DefaultMaximum, Entry: lockout.Event{ID: environ.NewID(), Kind: lockout.EventUnlock, At: now(), Key: key, Actor: "fault"},
	})
}

// fail counts a failure, and locks with the last.
func (s *site) fail(key lockout.Key) {
	id := environ.NewID()
	charged, err := s.store.Attempts.Apply(far(), key, lockout.Charge{AttemptID: id, Maximum: lockout.DefaultMaximum, At: now()})
	if err != nil || charged.Outcome != lockout.Applied {
		return
	}
	_, _ = s.store.Attempts.Apply(far(), key, lockout.Fail{
		Generation: charged.Record.Generation, Maximum: lockout.DefaultMaximum, Seen: charged.Record,
		Evidence: lockout.Evidence{AttemptID: id, At: now(), SourceIP: "127.0.0.1"},
		Lock:     lockout.Event{ID: environ.NewID(), Kind: lockout.EventLock, At: now(), Key: key, Actor: lockout.ActorPortcullis},
	})
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// right reports whether a password is the user's.
func (s *site) right(key lockout.Key, password string) bool {
	credential, err := s.store.Users.Credential(far(), key)
	if err != nil {
		return false
	}
	ok, err := credential.Compare(far(), password)
	return ok && err == nil && credential.Known()
}

func (s *site) locked(key lockout.Key) bool {
	record, err := s.store.Attempts.Read(far(), key)
	return err == nil && record.Locked()
}

// A seen is a request whose body was read.
type seen struct {
	*http.Request
	body []byte
}

var (
	usernameInBody = regexp.MustCompile(`"username":\s*"([^"]*)"`)
	passwordInBody = regexp.MustCompile(`"password":\s*"([^"]*)"`)
)

func firstOf(pattern *regexp.Regexp, text []byte) string {
	if found := pattern.FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return ""
}

// userInBody is the key of whom a body names, however bad the rest of it is.
func (s *site) userInBody(r seen) lockout.Key {
	return keyOf(s.client, firstOf(usernameInBody, r.body))
}

// userInPath is the key of whom a path names.
func (s *site) userInPath(r seen) lockout.Key {
	_, rest, _ := strings.Cut(r.URL.Path, "/users/")
	username, _, _ := strings.Cut(rest, "/")
	return keyOf(s.client, username)
}

// before meddles with requests on their way in. It may answer by itself, by
// returning true.
func before(meddle func(w http.ResponseWriter, r *seen) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, body := readWhole(r)
			it := &seen{r, body}
			if meddle(w, it) {
				return
			}
			next.ServeHTTP(w, withBody(it.Request, it.body))
		})
	}
}

// after meddles with answers on their way out.
func after(meddle func(r seen, a *httptest.ResponseRecorder)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, body := readWhole(r)
			recorded := httptest.NewRecorder()
			next.ServeHTTP(recorded, withBody(r, body))
			meddle(seen{r, body}, recorded)
			header := w.Header()
			for name, values := range recorded.Header() {
				header[name] = values
			}
			w.WriteHeader(recorded.Code)
			_, _ = w.Write(recorded.Body.Bytes())
		})
	}
}

// readWhole reads as much of a body as there is.
func readWhole(r *http.Request) (*http.Request, []byte) {
	body, _ := io.ReadAll(r.Body)
	return withBody(r, body), body
}

func withBody(r *http.Request, body []byte) *http.Request {
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

// change rewrites the JSON of an answer.
func change(a *httptest.ResponseRecorder, how func(body map[string]any)) {
	var body map[string]any
	if json.Unmarshal(a.Body.Bytes(), &body) != nil {
		return
	}
	how(body)
	text, _ := json.Marshal(body)
	a.Body = bytes.NewBuffer(text)
	a.Header().Del("Content-Length")
}

// replace makes an answer another one.
func replace(a *httptest.ResponseRecorder, status int, body map[string]any) {
	text, _ := json.Marshal(body)
	a.Code, a.Body = status, bytes.NewBuffer(text)
}

// A keyed keeps the records under other keys than it is asked for.
type keyed struct {
	records
	as func(lockout.Key) lockout.Key
}

func (k keyed) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	return k.records.Apply(ctx, k.as(key), t)
}

func (k keyed) Read(ctx context.Context, key lockout.Key) (lockout.Record, error) {
	return k.records.Read(ctx, k.as(key))
}

func (k keyed) ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]lockout.Record, error) {
	found := map[lockout.Key]lockout.Record{}
	for _, key := range keys {
		record, err := k.Read(ctx, key)
		if err != nil {
			return nil, err
		}
		found[key] = record
	}
	return found, nil
}

// An applying replaces how transitions are applied.
type applying struct {
	records
	apply func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error)
}

func (a applying) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	return a.apply(ctx, key, t)
}

// A seeing replaces what the Sysadmin sees of the records.
type seeing struct {
	records
	see func(key lockout.Key, r lockout.Record) lockout.Record
}

func (s seeing) ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]lockout.Record, error) {
	found, err := s.records.ReadMany(ctx, keys)
	for key, r := range found {
		found[key] = s.see(key, r)
	}
	return found, err
}

// A gateFunc is a gate that is a function.
type gateFunc func(ctx context.Context, a lockout.Attempt) (lockout.Verdict[users.Credential], error)

func (f gateFunc) Attempt(ctx context.Context, a lockout.Attempt) (lockout.Verdict[users.Credential], error) {
	return f(ctx, a)
}

type verdict = lockout.Verdict[users.Credential]

// A crowd lets those who come at once be there together: each waits until there
// are enough, or a while. It makes a race that a fault opens happen for certain.
type crowd struct {
	enough int
	mu     sync.Mutex
	here   map[lockout.Key]int
	full   map[lockout.Key]chan struct{}
}

// crowdTime is how long to wait for others who do not come.
const crowdTime = 150 * time.Millisecond

func newCrowd(enough int) *crowd {
	return &crowd{enough: enough, here: map[lockout.Key]int{}, full: map[lockout.Key]chan struct{}{}}
}

func (c *crowd) gather(key lockout.Key) {
	c.mu.Lock()
	if c.full[key] == nil {
		c.full[key] = make(chan struct{})
	}
	full := c.full[key]
	if c.here[key]++; c.here[key] == c.enough {
		close(full)
	}
	c.mu.Unlock()
	select {
	case <-full:
	case <-time.After(crowdTime):
	}
}

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"portcullis/infra/bench/load"
)

// A fake is a product that locks right, unless it is told to do otherwise. It
// keeps users in memory and hashes nothing.
type fake struct {
	server *httptest.Server
	// late, if not nil, has it count a guess only when as many are compared as late
	// waits for.
	late       *sync.WaitGroup
	neverLocks bool
	lockedGets bool // a locked user with the right password is let in
	careless   bool // any password is right
	busy       bool // nothing is judged

	mu       sync.Mutex
	failed   map[string]int
	compares map[string]int
	unlocks  int
}

func newFake(t *testing.T) *fake {
	f := &fake{failed: make(map[string]int), compares: make(map[string]int)}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password := r.Header.Get("User"), r.Header.Get("Password")
	if user == "" {
		return // the health
	}
	w.WriteHeader(f.try(user, password == rightPassword || f.careless))
}

// try judges a guess, and returns its status.
func (f *fake) try(user string, good bool) int {
	if f.busy {
		return http.StatusServiceUnavailable
	}
	f.mu.Lock()
	if f.failed[user] >= maximum && !f.neverLocks && (!good || !f.lockedGets) {
		f.mu.Unlock()
		return http.StatusLocked
	}
	f.compares[user]++
	if f.late != nil {
		f.mu.Unlock()
		f.late.Done()
		f.late.Wait()
		f.mu.Lock()
	}
	defer f.mu.Unlock()
	if good {
		f.failed[user] = 0
		return http.StatusOK
	}
	f.failed[user]++
	return http.StatusUnauthorized
}

func (f *fake) name() string  { return "fake" }
func (f *fake) about() string { return "a fake" }
func (f *fake) start(context.Context) (birth, error) {
	return birth{time.Millisecond, 2 * time.Millisecond}, nil
}
func (f *fake) stop()          {}
func (f *fake) pid() int       { return os.Getpid() }
func (f *fake) base() string   { return f.server.URL }
func (f *fake) health() string { return "/health" }

func (f *fake) create(context.Context, string, string) error { return nil }

func (f *fake) unlock(_ context.Context, user string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed[user] = 0
	f.unlocks++
	return nil
}

func (f *fake) guess(user, password string) load.Request {
	return load.NewRequest(f.server.URL, "POST", "/login", "", "User", user, "Password", password)
}

func (f *fake) judge(a load.Answer) verdict {
	switch a.Status {
	case http.StatusOK:
		return right
	case http.StatusUnauthorized:
		return wrong
	case http.StatusLocked:
		return locked
	}
	return other
}

func (f *fake) compared(_ context.Context, user string, _ tally) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.compares[user], nil
}

func (f *fake) bare(ctx context.Context, duration time.Duration) (load.Sample, error) {
	return timed(ctx, duration, func() error { return nil })
}

package policy_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/lockout"
	"portcullis/internal/policy"
)

var errBroken = fmt.Errorf("broken: %w", lockout.ErrUnavailable)

// A world is what a cache asks: clients with their maximums, either of which
// can be out of order. It counts the questions and collects the reports.
type world struct {
	mu         sync.Mutex
	maximums   map[string]int // of the clients that exist
	clientsErr error
	sourceErr  error
	stall      time.Duration // how long the source takes

	clientsAsked map[string]int
	sourceAsked  map[string]int
	reports      []error
}

func newWorld(maximums map[string]int) *world {
	return &world{maximums: maximums, clientsAsked: map[string]int{}, sourceAsked: map[string]int{}}
}

func (w *world) clientExists(_ context.Context, client string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clientsAsked[client]++
	_, exists := w.maximums[client]
	return exists, w.clientsErr
}

func (w *world) Maximum(ctx context.Context, client string) (int, error) {
	w.mu.Lock()
	w.sourceAsked[client]++
	maximum, err, stall := w.maximums[client], w.sourceErr, w.stall
	w.mu.Unlock()
	select {
	case <-time.After(stall):
		return maximum, err
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", lockout.ErrUnavailable, ctx.Err())
	}
}

func (w *world) report(client string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, fmt.Errorf("%s: %w", client, err))
}

func (w *world) set(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// cache has no jitter to speak of: an answer is fresh for 30 s.
func (w *world) cache() *policy.Cache { return w.jittered(0.5) }

func (w *world) jittered(jitter float64) *policy.Cache {
	return policy.NewCache(w, w.clientExists, time.Now, func() float64 { return jitter }, w.report)
}

// asked checks how often the source was asked for a client.
func (w *world) asked(t *testing.T, client string, want int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := w.sourceAsked[client]; got != want {
		t.Errorf("asked for %s: got %d times, want %d", client, got, want)
	}
}

func (w *world) reported(t *testing.T, want int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := len(w.reports); got != want {
		t.Errorf("reports: got %d, want %d: %v", got, want, w.reports)
	}
}

func wantMaximum(t *testing.T, cache *policy.Cache, client string, want int) {
	t.Helper()
	if got := cache.Maximum(t.Context(), client); got != want {
		t.Errorf("maximum of %s: got %d, want %d", client, got, want)
	}
}

// bubble runs a test in fake time.
func bubble(t *testing.T, run func(t *testing.T)) { synctest.Test(t, run) }

func TestCacheAsksOnceInThirtySeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 7})
		cache := w.cache()
		for range 3 {
			wantMaximum(t, cache, "acme", 7)
		}
		w.set(func(w *world) { w.maximums["acme"] = 3 })
		time.Sleep(30*time.Second - time.Millisecond)
		wantMaximum(t, cache, "acme", 7)
		w.asked(t, "acme", 1)
		time.Sleep(time.Millisecond)
		wantMaximum(t, cache, "acme", 3)
		w.asked(t, "acme", 2)
		w.reported(t, 0)
	})
}

func TestCacheSpreadsItsQuestionsByAFifth(t *testing.T) {
	for jitter, fresh := range map[float64]time.Duration{0: 24 * time.Second, 1: 36 * time.Second} {
		bubble(t, func(t *testing.T) {
			w := newWorld(map[string]int{"acme": 7})
			cache := w.jittered(jitter)
			wantMaximum(t, cache, "acme", 7)
			time.Sleep(fresh - time.Millisecond)
			wantMaximum(t, cache, "acme", 7)
			w.asked(t, "acme", 1)
			time.Sleep(2 * time.Millisecond)
			wantMaximum(t, cache, "acme", 7)
			w.asked(t, "acme", 2)
		})
	}
}

func TestAHundredLoginsShareOneFlight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 7})
		w.stall = time.Second
		cache := w.cache()
		for round := 1; round <= 2; round++ {
			var wait sync.WaitGroup
			for range 100 {
				wait.Go(func() { wantMaximum(t, cache, "acme", 7) })
			}
			wait.Wait()
			w.asked(t, "acme", round)
			if got := w.clientsAsked["acme"]; got != round {
				t.Errorf("clients asked: got %d times, want %d", got, round)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestTheLastValueKnownServesWhileTheSourceFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 7})
		cache := w.cache()
		wantMaximum(t, cache, "acme", 7)
		w.set(func(w *world) { w.sourceErr, w.maximums["acme"] = errBroken, 3 })
		time.Sleep(time.Hour)
		for range 3 {
			wantMaximum(t, cache, "acme", 7)
		}
		w.asked(t, "acme", 2)
		w.reported(t, 1)
		time.Sleep(5 * time.Second)
		wantMaximum(t, cache, "acme", 7)
		w.asked(t, "acme", 3)
		w.reported(t, 2)
		w.set(func(w *world) { w.sourceErr = nil })
		time.Sleep(5 * time.Second)
		wantMaximum(t, cache, "acme", 3)
	})
}

func TestTheDefaultServesWhenNothingIsKnown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 7})
		w.sourceErr = errBroken
		cache := w.cache()
		for range 3 {
			wantMaximum(t, cache, "acme", lockout.DefaultMaximum)
		}
		w.asked(t, "acme", 1)
		w.set(func(w *world) { w.sourceErr = nil })
		time.Sleep(5 * time.Second)
		wantMaximum(t, cache, "acme", 7)
	})
}

func TestAFailureIsReportedOnceAFlight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 7})
		w.sourceErr, w.stall = errBroken, time.Second
		cache := w.cache()
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() { wantMaximum(t, cache, "acme", lockout.DefaultMaximum) })
		}
		wait.Wait()
		w.reported(t, 1)
		if got := w.reports[0]; !errors.Is(got, errBroken) || got.Error() != "acme: "+errBroken.Error() {
			t.Errorf("report: got %v, want acme: %v", got, errBroken)
		}
	})
}

func TestAMaximumOutOfRangeCountsAsTheDefault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 7})
		cache := w.cache()
		wantMaximum(t, cache, "acme", 7)
		for i, maximum := range []int{0, 10, -1, 1 << 40} {
			w.set(func(w *world) { w.maximums["acme"] = maximum })
			time.Sleep(30 * time.Second)
			wantMaximum(t, cache, "acme", lockout.DefaultMaximum)
			w.reported(t, i+1)
			if got := w.reports[i]; !errors.Is(got, policy.ErrOutOfRange) {
				t.Errorf("report: got %v, want ErrOutOfRange", got)
			}
			time.Sleep(29 * time.Second)
			wantMaximum(t, cache, "acme", lockout.DefaultMaximum)
			w.asked(t, "acme", i+2)
		}
	})
}

func TestTheSourceIsNotAskedForUnknownClients(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{})
		cache := w.cache()
		for range 3 {
			wantMaximum(t, cache, "nowhere", lockout.DefaultMaximum)
		}
		w.asked(t, "nowhere", 0)
		if diff := cmp.Diff(w.clientsAsked, map[string]int{"nowhere": 1}); diff != "" {
			t.Errorf("clients asked: got -, want +:\n%s", diff)
		}
		w.set(func(w *world) { w.maximums["nowhere"] = 3 })
		time.Sleep(30 * time.Second)
		wantMaximum(t, cache, "nowhere", 3)
		w.reported(t, 0)
	})
}

func TestAClientThatIsGoneHasTheDefault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 7})
		cache := w.cache()
		wantMaximum(t, cache, "acme", 7)
		w.set(func(w *world) { delete(w.maximums, "acme") })
		time.Sleep(30 * time.Second)
		wantMaximum(t, cache, "acme", lockout.DefaultMaximum)
		w.asked(t, "acme", 1)
	})
}

func TestWhenNobodyCanSayWhetherTheClientExists(t *testing.T) {
	t.Run("the last value known serves", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(map[string]int{"acme": 7})
			cache := w.cache()
			wantMaximum(t, cache, "acme", 7)
			w.set(func(w *world) { w.clientsErr = errBroken })
			time.Sleep(30 * time.Second)
			for range 3 {
				wantMaximum(t, cache, "acme", 7)
			}
			w.asked(t, "acme", 1)
			w.reported(t, 1)
		})
	})
	t.Run("the default serves once, and the client is not taken for unknown", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(map[string]int{"acme": 7})
			w.clientsErr = errBroken
			cache := w.cache()
			wantMaximum(t, cache, "acme", lockout.DefaultMaximum)
			w.asked(t, "acme", 0)
			w.set(func(w *world) { w.clientsErr = nil })
			wantMaximum(t, cache, "acme", 7)
		})
	})
}

func TestInventedClientsDoNotPushRealOnesOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 7})
		cache := w.cache()
		wantMaximum(t, cache, "acme", 7)
		for i := range 10_000 {
			wantMaximum(t, cache, fmt.Sprintf("invented-%d", i), lockout.DefaultMaximum)
		}
		w.set(func(w *world) { w.sourceErr = errBroken })
		wantMaximum(t, cache, "acme", 7)
		w.asked(t, "acme", 1)
		time.Sleep(time.Hour)
		wantMaximum(t, cache, "acme", 7)
	})
}

func TestAnInventedClientIsForgottenWhenManyMoreFollow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{})
		cache := w.cache()
		for i := range 1025 {
			wantMaximum(t, cache, fmt.Sprintf("invented-%d", i), lockout.DefaultMaximum)
		}
		wantMaximum(t, cache, "invented-0", lockout.DefaultMaximum)
		wantMaximum(t, cache, "invented-1024", lockout.DefaultMaximum)
		if first, last := w.clientsAsked["invented-0"], w.clientsAsked["invented-1024"]; first != 2 || last != 1 {
			t.Errorf("asked: got %d and %d times, want 2 and 1", first, last)
		}
	})
}

func TestAFlightOutlivesTheCallerWhoBeganIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 7})
		w.stall = time.Second
		cache := w.cache()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := cache.Maximum(ctx, "acme"); got != lockout.DefaultMaximum {
			t.Errorf("caller who left: got %d, want %d", got, lockout.DefaultMaximum)
		}
		wantMaximum(t, cache, "acme", 7)
		w.asked(t, "acme", 1)
		w.reported(t, 0)
	})
}

// TestAFlightIsBoundedInTime: a client whose maximum nobody knows yet is waited
// for longer, since the default may be five guesses for one; but an outage must
// not stop the logins, and leaves them half their time.
func TestAFlightIsBoundedInTime(t *testing.T) {
	for _, c := range []struct {
		name   string
		known  bool
		caller time.Duration // the caller's time; 0 for no end
		took   time.Duration
		want   int
	}{
		{"with a last value", true, 0, 2 * time.Second, 7},
		{"with a last value and a caller in a hurry", true, time.Second, time.Second, 7},
		{"with none", false, 0, 4 * time.Second, lockout.DefaultMaximum},
		{"with none, in a login of ten seconds", false, 9 * time.Second, 4 * time.Second, lockout.DefaultMaximum},
		{"with none and a caller in a hurry", false, 3 * time.Second, 1500 * time.Millisecond, lockout.DefaultMaximum},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(map[string]int{"acme": 7})
				cache := w.cache()
				if c.known {
					wantMaximum(t, cache, "acme", 7)
					time.Sleep(time.Hour)
				}
				w.set(func(w *world) { w.stall = time.Hour })
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if c.caller > 0 {
					ctx, cancel = context.WithTimeout(ctx, c.caller)
				}
				defer cancel()
				start := time.Now()
				got := cache.Maximum(ctx, "acme")
				if took := time.Since(start); got != c.want || took != c.took {
					t.Errorf("got %d after %v, want %d after %v", got, took, c.want, c.took)
				}
				time.Sleep(time.Minute)
				w.reported(t, 1)
			})
		})
	}
}

// TestASlowStartKeepsAClientsOwnMaximum: Parameter Store that is slow for a
// moment, when a process has just started, gives nobody five guesses for one.
func TestASlowStartKeepsAClientsOwnMaximum(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 1})
		w.stall = 3500 * time.Millisecond
		cache := w.cache()
		login, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		if got := cache.Maximum(login, "acme"); got != 1 {
			t.Errorf("got %d, want the client's 1", got)
		}
		w.reported(t, 0)
	})
}

// TestAnOutageIsWaitedForOnce: after the first wait nobody knows more, and the
// next logins wait as little as they do with a value.
func TestAnOutageIsWaitedForOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 1})
		w.stall = time.Hour
		cache := w.cache()
		for _, want := range []time.Duration{4 * time.Second, 2 * time.Second, 2 * time.Second} {
			start := time.Now()
			wantMaximum(t, cache, "acme", lockout.DefaultMaximum)
			if took := time.Since(start); took != want {
				t.Errorf("took %v, want %v", took, want)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

func TestACallerWhoLeavesGetsTheLastValueKnown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(map[string]int{"acme": 7})
		cache := w.cache()
		wantMaximum(t, cache, "acme", 7)
		w.set(func(w *world) { w.stall, w.maximums["acme"] = time.Second, 3 })
		time.Sleep(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if got := cache.Maximum(ctx, "acme"); got != 7 {
			t.Errorf("got %d, want 7", got)
		}
		synctest.Wait()
		wantMaximum(t, cache, "acme", 3)
	})
}

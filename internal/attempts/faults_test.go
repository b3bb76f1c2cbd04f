package attempts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// A wire is the way to DynamoDB, with a fault in it.
type wire struct {
	next  aws.HTTPClient
	calls atomic.Int64
	// fault says what becomes of the nth request, counted from 1; nil for
	// nothing. It may let it through with send.
	fault func(n int64, send func() (*http.Response, error)) (*http.Response, error)
}

var errWire = errors.New("connection reset by the test")

// Do sends the request, or does what the fault says.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	n := w.calls.Add(1)
	send := func() (*http.Response, error) { return w.next.Do(r) }
	if w.fault == nil {
		return send()
	}
	return w.fault(n, send)
}

// loses makes the chosen requests fail before or after they reach DynamoDB.
func (w *wire) loses(fault lockouttest.Fault, chosen func(n int64) bool) {
	w.calls.Store(0)
	w.fault = func(n int64, send func() (*http.Response, error)) (*http.Response, error) {
		if !chosen(n) {
			return send()
		}
		if fault == lockouttest.FaultAfter {
			if answer, err := send(); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		}
		return nil, errWire
	}
}

// A faultyWorld is a gate on a store behind a wire.
type faultyWorld struct {
	*wire
	clock       *lockouttest.Clock
	store       *attempts.Store
	trail       *audit.Trail
	credentials *lockouttest.Credentials
	gate        *lockout.Gate[lockouttest.Credential]
	key         lockout.Key
}

// faultyLifetime is how long an attempt lives in the world of faults.
const faultyLifetime = 10 * time.Second

func newFaultyWorld(t *testing.T, maximum int, retryer aws.Retryer) *faultyWorld {
	t.Helper()
	config, tables := lockouttest.AWS(t), lockouttest.Tables(t)
	w := &faultyWorld{wire: &wire{next: config.HTTPClient}, clock: lockouttest.NewClock(time.Now())}
	config.HTTPClient = w.wire
	config.Retryer = func() aws.Retryer { return retryer }
	db := dynamodb.NewFromConfig(config)
	w.trail = audit.New(db, tables.Audit)
	w.store = attempts.New(db, tables.Attempts, w.trail, w.clock, rand.Float64)
	w.key = lockout.NewKey("acme", "ana.silva")
	w.credentials = lockouttest.NewCredentials(map[string]string{w.key.String(): "right"})
	w.gate = &lockout.Gate[lockouttest.Credential]{
		Attempts: w.store, Credentials: w.credentials, Maximums: lockouttest.FixedMaximum(maximum),
		Clock: w.clock, NewID: lockouttest.IDs(), Jitter: rand.Float64, Lifetime: faultyLifetime,
	}
	return w
}

func (w *faultyWorld) attempt(t *testing.T, password string) (lockout.Verdict[lockouttest.Credential], error) {
	t.Helper()
	return w.gate.Attempt(t.Context(), lockout.Attempt{Key: w.key, Password: password})
}

func (w *faultyWorld) read(t *testing.T) lockout.Record {
	t.Helper()
	record, err := w.store.Read(t.Context(), w.key)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// TestFaultsSpeakNoVerdict makes each call of an attempt fail in turn, before
// or after its effect, where nothing tries again.
func TestFaultsSpeakNoVerdict(t *testing.T) {
	const maximum = 3
	for _, fault := range []lockouttest.Fault{lockouttest.FaultBefore, lockouttest.FaultAfter} {
		for _, password := range []string{"right", "wrong"} {
			for _, call := range []int64{1, 2} {
				t.Run(fmt.Sprintf("call %d of a %s attempt fails %s", call, password, fault), func(t *testing.T) {
					w := newFaultyWorld(t, maximum, aws.NopRetryer{})
					w.loses(fault, func(n int64) bool { return n == call })
					verdict, err := w.attempt(t, password)
					if !errors.Is(err, lockout.ErrUnavailable) || verdict.Ruling != "" {
						t.Errorf("got %q and error %v, want no verdict and one that wraps ErrUnavailable", verdict.Ruling, err)
					}
					w.checkBudget(t, maximum)
				})
			}
		}
	}
}

// checkBudget checks that nothing is in flight, and that exactly the rest of
// the budget can be used before the lock.
func (w *faultyWorld) checkBudget(t *testing.T, maximum int) {
	t.Helper()
	w.fault = nil
	record := w.read(t)
	if record.Locked() || record.Charged != record.Failed || len(record.InFlight) != 0 {
		t.Errorf("got %+v, want no lock and nothing in flight", record)
	}
	for failed := record.Failed + 1; failed <= maximum; failed++ {
		want := lockout.Wrong
		if failed == maximum {
			want = lockout.Locked
		}
		verdict, err := w.attempt(t, "wrong")
		if err != nil || verdict.Ruling != want {
			t.Fatalf("failure %d: got %q, %v; want %q", failed, verdict.Ruling, err, want)
		}
	}
}

// TestOutageGivesTheBudgetBack lets DynamoDB go away in the middle of an
// attempt. What it charged is given back once it must be dead.
func TestOutageGivesTheBudgetBack(t *testing.T) {
	for _, fault := range []lockouttest.Fault{lockouttest.FaultBefore, lockouttest.FaultAfter} {
		for _, from := range []int64{1, 2} {
			t.Run(fmt.Sprintf("from call %d on, %s", from, fault), func(t *testing.T) {
				w := newFaultyWorld(t, 1, aws.NopRetryer{})
				w.loses(fault, func(n int64) bool { return n >= from })
				if verdict, err := w.attempt(t, "right"); !errors.Is(err, lockout.ErrUnavailable) || verdict.Ruling != "" {
					t.Errorf("got %q and error %v, want no verdict and one that wraps ErrUnavailable", verdict.Ruling, err)
				}
				w.fault = nil
				w.clock.Advance(faultyLifetime + lockout.ClockSkew + time.Second)
				if verdict, err := w.attempt(t, "right"); err != nil || verdict.Ruling != lockout.Welcome {
					t.Errorf("got %q, %v after the outage, want %q", verdict.Ruling, err, lockout.Welcome)
				}
			})
		}
	}
}

// TestLostAnswersCountOnce lets the SDK try again. Whatever was lost, the
// verdicts and the trail are those of an attempt without faults.
func TestLostAnswersCountOnce(t *testing.T) {
	atOnce := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
	for _, fault := range []lockouttest.Fault{lockouttest.FaultBefore, lockouttest.FaultAfter} {
		t.Run(string(fault), func(t *testing.T) {
			w := newFaultyWorld(t, 2, atOnce)
			w.loses(fault, func(n int64) bool { return n%2 == 1 })
			for _, c := range []struct {
				password string
				want     lockout.Ruling
			}{
				{"wrong", lockout.Wrong}, {"right", lockout.Welcome},
				{"wrong", lockout.Wrong}, {"wrong", lockout.Locked}, {"right", lockout.Locked},
			} {
				verdict, err := w.attempt(t, c.password)
				if err != nil || verdict.Ruling != c.want {
					t.Errorf("got %q, %v for the %s password; want %q", verdict.Ruling, err, c.password, c.want)
				}
			}
			w.fault = nil
			record := w.read(t)
			if record.Generation != 1 || record.Failed != 2 || record.Charged != 2 || len(record.Evidence) != 2 {
				t.Errorf("got %+v, want two failures in generation 1", record)
			}
			entries, _, err := w.trail.Entries(t.Context(), audit.Query{Client: "acme", Limit: 10})
			if err != nil || len(entries) != 1 || entries[0].ID != record.LockID {
				t.Errorf("got %+v, %v; want the one lock", entries, err)
			}
		})
	}
}

// conflict is DynamoDB's answer to a write that another transaction stood in
// the way of. MiniStack never gives it: it does one transaction at a time.
func conflict(kind string) *http.Response {
	body := `{"__type":"com.amazonaws.dynamodb.v20120810#` + kind + `","message":"busy",` +
		`"CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"None"}]}`
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func TestConflictsAreTriedAgain(t *testing.T) {
	early := func(n int64) bool { return n <= 3 }
	settling := func(n int64) bool { return n >= 2 && n <= 4 } // the first call charges
	endless := func(int64) bool { return true }
	for _, c := range []struct {
		name      string
		kind      string
		password  string
		conflicts func(n int64) bool
		want      lockout.Ruling
	}{
		{"an update in the way of a transaction", "TransactionConflictException", "right", early, lockout.Welcome},
		{"a transaction in the way of another", "TransactionCanceledException", "wrong", settling, lockout.Locked},
		{"a conflict without an end is an outage", "TransactionConflictException", "wrong", endless, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newFaultyWorld(t, 1, aws.NopRetryer{})
			w.fault = func(n int64, send func() (*http.Response, error)) (*http.Response, error) {
				if c.conflicts(n) {
					return conflict(c.kind), nil
				}
				return send()
			}
			verdict, err := w.attempt(t, c.password)
			if verdict.Ruling != c.want || (c.want == "") != errors.Is(err, lockout.ErrUnavailable) {
				t.Errorf("got %q and error %v, want %q", verdict.Ruling, err, c.want)
			}
			if w.clock.Slept() == 0 {
				t.Error("got no wait between the tries")
			}
		})
	}
}

// TestSecretsStayOut reads every byte that goes to DynamoDB.
func TestSecretsStayOut(t *testing.T) {
	w := newFaultyWorld(t, 1, aws.NopRetryer{})
	seen := &recorder{next: w.next}
	w.next = seen
	for _, password := range []string{"hunter2-is-wrong", "right"} {
		if _, err := w.attempt(t, password); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(seen.sent.String(), "ana.silva") {
		t.Error("nothing was recorded")
	}
	if strings.Contains(seen.sent.String(), "hunter2") {
		t.Error("a password was sent to DynamoDB")
	}
}

// A recorder keeps the bodies of the requests it sends on.
type recorder struct {
	next aws.HTTPClient
	sent bytes.Buffer
}

func (r *recorder) Do(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	r.sent.Write(body)
	request.Body = io.NopCloser(bytes.NewReader(body))
	return r.next.Do(request)
}

// TestEndedContext shows that a call that cannot be made is an outage.
func TestEndedContext(t *testing.T) {
	w := newFaultyWorld(t, 1, aws.NopRetryer{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, applyErr := w.store.Apply(ended, w.key, lockout.Charge{AttemptID: "a", Maximum: 1})
	_, readErr := w.store.Read(ended, w.key)
	_, manyErr := w.store.ReadMany(ended, []lockout.Key{w.key})
	_, _, lockedErr := w.store.Locked(ended, "acme", "", 1)
	for name, err := range map[string]error{"Apply": applyErr, "Read": readErr, "ReadMany": manyErr, "Locked": lockedErr} {
		if !errors.Is(err, lockout.ErrUnavailable) {
			t.Errorf("%s: got %v, want one that wraps ErrUnavailable", name, err)
		}
	}
}

// TestAFaultAtTheMemoryChangesNoVerdict makes the read of a remembered user fail.
// The charge decides then, for one who is locked and for one who no longer is.
func TestAFaultAtTheMemoryChangesNoVerdict(t *testing.T) {
	for _, fault := range []lockouttest.Fault{lockouttest.FaultBefore, lockouttest.FaultAfter} {
		for unlocked, want := range map[bool]lockout.Ruling{false: lockout.Locked, true: lockout.Welcome} {
			t.Run(fmt.Sprintf("it fails %s, unlocked %v", fault, unlocked), func(t *testing.T) {
				w := newFaultyWorld(t, 1, aws.NopRetryer{})
				w.gate.Glance = attempts.NewMemory(w.store, w.clock.Now)
				if _, err := w.attempt(t, "wrong"); err != nil {
					t.Fatal(err)
				}
				if unlocked {
					unlocker := &lockout.Unlocker{Attempts: w.store, Maximums: w.gate.Maximums, Now: w.clock.Now, NewID: w.gate.NewID}
					if _, err := unlocker.Unlock(t.Context(), lockout.UnlockRequest{Key: w.key}); err != nil {
						t.Fatal(err)
					}
				}
				w.loses(fault, func(n int64) bool { return n == 1 })
				if verdict, err := w.attempt(t, "right"); err != nil || verdict.Ruling != want {
					t.Errorf("got %q, %v; want %q", verdict.Ruling, err, want)
				}
			})
		}
	}
}

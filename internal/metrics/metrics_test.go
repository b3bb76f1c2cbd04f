package metrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/metrics"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// The user of these tests, of whom no line may tell anything.
const (
	client, username = "acme-secret", "ana.silva-secret"
	right            = "s3cret right 1"
	address          = "198.51.100.77"
	agent            = "secret-agent/1"
)

// A world is the gate and the unlocker, watched, on a store in memory.
type world struct {
	out      bytes.Buffer
	recorder *metrics.Recorder
	store    *lockouttest.MemoryAttempts
	faulty   *lockouttest.Faulty
	clock    *lockouttest.Clock
	key      lockout.Key
	gate     metrics.Gate[metrics.Watched]
	unlocker *lockout.Unlocker
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{store: lockouttest.NewAttempts(), clock: lockouttest.NewClock(start)}
	w.recorder = metrics.NewRecorder(&w.out, "prod", "login", w.clock.Now)
	w.faulty = &lockouttest.Faulty{Attempts: w.store}
	attempts := metrics.WatchAttempts(w.recorder, w.faulty)
	credentials := lockouttest.NewCredentials(map[string]string{client + "/" + username: right})
	maximum := lockouttest.FixedMaximum(2)
	w.key = lockout.NewKey(client, username)
	w.gate = metrics.WatchGate[metrics.Watched](w.recorder, &lockout.Gate[metrics.Watched]{
		Attempts: attempts, Credentials: metrics.WatchCredentials(w.recorder, credentials), Maximums: maximum,
		Clock: w.clock, NewID: lockouttest.IDs(), Jitter: func() float64 { return 0.5 }, Lifetime: 10 * time.Second,
	})
	w.unlocker = &lockout.Unlocker{Attempts: attempts, Maximums: maximum, Now: w.clock.Now, NewID: lockouttest.IDs()}
	return w
}

func (w *world) attempt(password string) {
	_, _ = w.gate.Attempt(context.Background(), lockout.Attempt{
		Key: w.key, Password: password, SourceIP: address, UserAgent: agent, RequestID: "secret-request",
	})
}

func (w *world) unlock() {
	_, _ = w.unlocker.Unlock(context.Background(), lockout.UnlockRequest{Key: w.key, Actor: "acme-secret/root", Reason: "secret"})
}

// flushed returns the lines, each checked against the schema, and forgets them.
func (w *world) flushed(t *testing.T) []map[string]any {
	t.Helper()
	w.recorder.Flush()
	schema := jsonschema.NewCompiler().MustCompile("testdata/emf.schema.json")
	var lines []map[string]any
	for text := range strings.Lines(w.out.String()) {
		line, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatalf("line %q: %v", text, err)
		}
		if err := schema.Validate(line); err != nil {
			t.Errorf("line %q: %v", text, err)
		}
		lines = append(lines, line.(map[string]any))
	}
	w.out.Reset()
	return lines
}

// counts returns the counts of a line that has them, as CloudWatch reads it: by
// what the directives name.
func counts(t *testing.T, line map[string]any) map[string]any {
	t.Helper()
	read := map[string]any{}
	for _, d := range line["_aws"].(map[string]any)["CloudWatchMetrics"].([]any) {
		for _, m := range d.(map[string]any)["Metrics"].([]any) {
			metric := m.(map[string]any)
			name := metric["Name"].(string)
			if line[name] == nil {
				t.Errorf("the line names %s and has no value of it", name)
			}
			if metric["Unit"] == "Count" {
				read[name] = line[name]
			}
		}
	}
	return read
}

func TestEachOutcomeIsCountedOnce(t *testing.T) {
	tests := []struct {
		name string
		do   func(*world)
		want map[string]any
	}{
		{"a right password", func(w *world) { w.attempt(right) }, map[string]any{"LoginsWelcome": num("1")}},
		{"a wrong one", func(w *world) { w.attempt("wrong") }, map[string]any{"LoginsWrong": num("1")}},
		{"one that locks", func(w *world) { w.attempt("wrong"); w.attempt("wrong") },
			map[string]any{"LoginsWrong": num("1"), "LoginsLocked": num("1"), "Locks": num("1")}},
		{"one of a locked user", func(w *world) { w.lock(); w.attempt(right) }, map[string]any{"LoginsLocked": num("1")}},
		{"one that finds the budget taken", func(w *world) {
			w.store.Set(w.key, lockout.Record{Charged: 2, InFlight: []string{"a", "b"}, ChargedAt: start})
			w.attempt(right)
		}, map[string]any{"LoginsBusy": num("1")}},
		{"one that takes dead attempts back", func(w *world) {
			w.store.Set(w.key, lockout.Record{Charged: 2, InFlight: []string{"a", "b"}, ChargedAt: start.Add(-time.Hour)})
			w.attempt(right)
		}, map[string]any{"LoginsWelcome": num("1"), "Reclaims": num("1")}},
		{"one whose verdict cannot be written", func(w *world) { w.faulty.FailAt = 2; w.attempt(right) },
			map[string]any{"LoginsUnavailable": num("1"), "Refunds": num("1")}},
		{"one of which no call is answered", func(w *world) { w.faulty.FailFrom = 1; w.attempt(right) },
			map[string]any{"LoginsUnavailable": num("1")}},
		{"an unlock", func(w *world) { w.lock(); w.unlock() }, map[string]any{"Unlocks": num("1")}},
		{"an unlock of somebody who is not locked", func(w *world) { w.unlock() }, map[string]any{}},
		{"a policy that cannot be read", func(w *world) {
			metrics.WatchPolicy(w.recorder, func(string, error) {})(client, errors.New("throttled"))
		}, map[string]any{"PolicyFallbacks": num("1")}},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.do(w)
			lines := w.flushed(t)
			if len(lines) != 1 {
				t.Fatalf("got %d lines, want 1", len(lines))
			}
			if diff := cmp.Diff(counts(t, lines[0]), c.want); diff != "" {
				t.Errorf("counts: got -, want +:\n%s", diff)
			}
		})
	}
}

func num(n string) json.Number { return json.Number(n) }

// lock puts a lock in place without counting it.
func (w *world) lock() {
	w.store.Set(w.key, lockout.Record{Charged: 2, Failed: 2, LockID: "01A", LockedAt: start})
}

func TestAGateThatPanicsIsCountedToo(t *testing.T) {
	w := newWorld(t)
	gate := metrics.WatchGate[metrics.Watched](w.recorder, panicking{})
	handle := metrics.Flushed(w.recorder, func(ctx context.Context, _ string) (string, error) {
		_, err := gate.Attempt(ctx, lockout.Attempt{})
		return "", err
	})
	func() {
		defer func() { _ = recover() }()
		_, _ = handle(t.Context(), "event")
	}()
	if !strings.Contains(w.out.String(), `"LoginsUnavailable":1`) {
		t.Errorf("got %q, want a line that counts it", w.out.String())
	}
}

type panicking struct{}

func (panicking) Attempt(context.Context, lockout.Attempt) (lockout.Verdict[metrics.Watched], error) {
	panic("a bug")
}

func TestALineOfALogin(t *testing.T) {
	w := newWorld(t)
	w.attempt(right)
	w.recorder.Flush()
	want := `{"_aws":{"Timestamp":1795428000000,"CloudWatchMetrics":[` +
		`{"Namespace":"Portcullis","Dimensions":[["Stage"]],"Metrics":[{"Name":"LoginsWelcome","Unit":"Count"}]},` +
		`{"Namespace":"Portcullis","Dimensions":[["Stage","Function"]],"Metrics":[` +
		`{"Name":"StoreLatency","Unit":"Milliseconds"},{"Name":"HashLatency","Unit":"Milliseconds"}]}]},` +
		`"Stage":"prod","Function":"login","LoginsWelcome":1,"StoreLatency":[0,0,0],"HashLatency":[0]}` + "\n"
	if diff := cmp.Diff(w.out.String(), want); diff != "" {
		t.Errorf("line: got -, want +:\n%s", diff)
	}
}

func TestNothingIsToldOfAnybody(t *testing.T) {
	w := newWorld(t)
	for _, password := range []string{right, "wrong secret", "wrong secret", right} {
		w.attempt(password)
	}
	w.unlock()
	w.recorder.Flush()
	for _, secret := range []string{"secret", client, username, address, agent, "s3cret"} {
		if strings.Contains(w.out.String(), secret) {
			t.Errorf("the metrics hold %q: %s", secret, w.out.String())
		}
	}
}

func TestLatenciesAreInMilliseconds(t *testing.T) {
	w := newWorld(t)
	slow := metrics.WatchAttempts(w.recorder, slowAttempts{w.store, w.clock})
	if _, err := slow.Read(t.Context(), w.key); err != nil {
		t.Fatal(err)
	}
	if got := w.flushed(t)[0]["StoreLatency"]; cmp.Diff(got, []any{num("1234.567")}) != "" {
		t.Errorf("got %v, want 1234.567", got)
	}
}

// slowAttempts takes 1.2345678 s for a call.
type slowAttempts struct {
	lockout.Attempts
	clock *lockouttest.Clock
}

func (s slowAttempts) Read(ctx context.Context, key lockout.Key) (lockout.Record, error) {
	s.clock.Advance(1234567800 * time.Nanosecond)
	return s.Attempts.Read(ctx, key)
}

func TestALineHasAHundredValuesAtMost(t *testing.T) {
	w := newWorld(t)
	for range 205 {
		w.unlock() // a read and a write
	}
	w.recorder.Count(metrics.Locks)
	var values []int
	locks := 0
	for _, line := range w.flushed(t) {
		values = append(values, len(line["StoreLatency"].([]any)))
		if line["Locks"] != nil {
			locks++
		}
	}
	if want := []int{100, 100, 100, 100, 10}; !slices.Equal(values, want) || locks != 1 {
		t.Errorf("got %v values and the count in %d lines, want %v and 1", values, locks, want)
	}
}

func TestNothingCollectedIsNothingWritten(t *testing.T) {
	w := newWorld(t)
	handle := metrics.Flushed(w.recorder, func(context.Context, string) (string, error) { return "", nil })
	for range 2 {
		w.attempt(right)
		_, _ = handle(t.Context(), "event")
		w.out.Reset()
		_, _ = handle(t.Context(), "an event without an attempt")
		if w.out.Len() > 0 {
			t.Errorf("got %q, want nothing", w.out.String())
		}
	}
}

// TestTheNamesStay: alarms, dashboards and people's queries go by them.
func TestTheNamesStay(t *testing.T) {
	want := []metrics.Count{
		"LoginsWelcome", "LoginsWrong", "LoginsLocked", "LoginsBusy", "LoginsUnavailable",
		"Locks", "Unlocks", "Refunds", "Reclaims", "PolicyFallbacks",
	}
	if diff := cmp.Diff(metrics.Counts(), want); diff != "" {
		t.Errorf("counts: got -, want +:\n%s", diff)
	}
	if diff := cmp.Diff(metrics.Latencies(), []metrics.Latency{"StoreLatency", "HashLatency"}); diff != "" {
		t.Errorf("latencies: got -, want +:\n%s", diff)
	}
}

// BenchmarkLogin is what the metrics of one right login cost, apart from the
// login.
func BenchmarkLogin(b *testing.B) {
	recorder := metrics.NewRecorder(io.Discard, "prod", "login", time.Now)
	gate := metrics.WatchGate[metrics.Watched](recorder, welcoming{})
	store := metrics.WatchAttempts(recorder, free{})
	handle := metrics.Flushed(recorder, func(ctx context.Context, _ string) (string, error) {
		_, _ = store.Apply(ctx, lockout.Key{}, lockout.Charge{})
		_, _ = store.Read(ctx, lockout.Key{}) // in place of the credential
		_, _ = store.Apply(ctx, lockout.Key{}, lockout.Succeed{})
		_, err := gate.Attempt(ctx, lockout.Attempt{})
		return "", err
	})
	b.ReportAllocs()
	for b.Loop() {
		_, _ = handle(b.Context(), "event")
	}
}

type welcoming struct{}

func (welcoming) Attempt(context.Context, lockout.Attempt) (lockout.Verdict[metrics.Watched], error) {
	return lockout.Verdict[metrics.Watched]{Ruling: lockout.Welcome}, nil
}

type free struct{}

func (free) Apply(context.Context, lockout.Key, lockout.Transition) (lockout.Result, error) {
	return lockout.Result{Outcome: lockout.Applied}, nil
}

func (free) Read(context.Context, lockout.Key) (lockout.Record, error) { return lockout.Record{}, nil }

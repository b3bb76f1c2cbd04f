package attempts_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// A process is a gate with a memory of its own, on tables that it shares.
type process struct {
	*lockout.Gate[lockouttest.Credential]
	wire  *lockouttest.Wire
	clock *lockouttest.Clock
	key   lockout.Key
}

// twoProcesses returns two on the same tables, with a maximum of two.
func twoProcesses(t *testing.T) (here, there process) {
	t.Helper()
	tables, clock, nextID := lockouttest.Tables(t), lockouttest.NewClock(time.Now()), lockouttest.IDs()
	start := func() process {
		settings, wire := lockouttest.AWS(t), new(lockouttest.Wire)
		settings.HTTPClient = wire
		db := dynamodb.NewFromConfig(settings)
		store := attempts.New(db, tables.Attempts, audit.New(db, tables.Audit), clock, rand.Float64)
		key := lockout.NewKey("acme", "ana.silva")
		return process{&lockout.Gate[lockouttest.Credential]{
			Attempts: store, Glance: attempts.NewMemory(store, clock.Now),
			Credentials: lockouttest.NewCredentials(map[string]string{key.String(): "right"}),
			Maximums:    lockouttest.FixedMaximum(2), Clock: clock, NewID: nextID, Jitter: rand.Float64, Lifetime: time.Minute,
		}, wire, clock, key}
	}
	return start(), start()
}

// attempt sends one and returns the ruling with the calls that it took.
func (p process) attempt(t *testing.T, password string) (lockout.Ruling, []string) {
	t.Helper()
	p.wire.Take()
	verdict, err := p.Attempt(t.Context(), lockout.Attempt{Key: p.key, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, exchange := range p.wire.Take() {
		call := exchange.Operation
		var sent struct{ ConsistentRead bool }
		if err := json.Unmarshal([]byte(exchange.Sent), &sent); err != nil {
			t.Fatal(err)
		}
		if sent.ConsistentRead {
			call += " consistent"
		}
		calls = append(calls, call)
	}
	return verdict.Ruling, calls
}

// is checks an attempt's ruling and its calls.
func (p process) is(t *testing.T, password string, ruling lockout.Ruling, calls ...string) {
	t.Helper()
	got, made := p.attempt(t, password)
	if diff := cmp.Diff(made, calls); got != ruling || diff != "" {
		t.Errorf("got %q, want %q; calls (-got +want):\n%s", got, ruling, diff)
	}
}

// unlock is what a Sysadmin does, in a process of its own.
func (p process) unlock(t *testing.T) {
	t.Helper()
	unlocker := &lockout.Unlocker{Attempts: p.Attempts, Maximums: p.Maximums, Now: p.clock.Now, NewID: p.NewID}
	if _, err := unlocker.Unlock(t.Context(), lockout.UnlockRequest{Key: p.key, Actor: "acme/root"}); err != nil {
		t.Fatal(err)
	}
}

func TestALockedUserIsRememberedAndReadForHalf(t *testing.T) {
	here, there := twoProcesses(t)
	here.is(t, "wrong", lockout.Wrong, "UpdateItem", "UpdateItem")
	here.is(t, "wrong", lockout.Locked, "UpdateItem", "TransactWriteItems")
	here.is(t, "right", lockout.Locked, "GetItem")
	there.is(t, "right", lockout.Locked, "UpdateItem")
	there.is(t, "right", lockout.Locked, "GetItem")
}

func TestWhoIsUnlockedElsewhereGetsInAtOnce(t *testing.T) {
	here, there := twoProcesses(t)
	here.attempt(t, "wrong")
	here.attempt(t, "wrong")
	there.unlock(t)
	here.is(t, "right", lockout.Welcome, "GetItem", "UpdateItem", "UpdateItem")
	here.is(t, "right", lockout.Welcome, "UpdateItem", "UpdateItem")
}

func TestALockIsForgottenHalfAMinuteAfterItWasLastSeen(t *testing.T) {
	here, _ := twoProcesses(t)
	here.attempt(t, "wrong")
	here.attempt(t, "wrong")
	here.clock.Advance(29 * time.Second)
	here.is(t, "right", lockout.Locked, "GetItem")
	here.clock.Advance(29 * time.Second)
	here.is(t, "right", lockout.Locked, "GetItem")
	here.clock.Advance(30 * time.Second)
	here.is(t, "right", lockout.Locked, "UpdateItem")
}

// What the memory cannot read is left to the charge: here DynamoDB refuses each
// read, and what the store then says decides.
func TestAReadThatFailsIsLeftToTheCharge(t *testing.T) {
	for name, body := range map[string]string{
		"a failure":       `{"__type":"ValidationException"}`,
		"a broken record": `{"Item":{"user":{"S":"acme/ana.silva"},"failed":{"S":"many"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			status := http.StatusOK
			if name == "a failure" {
				status = http.StatusBadRequest
			}
			memory, _ := answeredMemory(status, body)
			memory.SawLocked(lockout.NewKey("acme", "ana.silva"))
			if memory.SeesLocked(t.Context(), lockout.NewKey("acme", "ana.silva")) {
				t.Error("locked, by a record that was not read")
			}
		})
	}
}

// answeredMemory returns a memory whose reads are all answered alike, and their
// number.
func answeredMemory(status int, body string) (memory *attempts.Memory, reads *int) {
	reads = new(int)
	db := dynamodb.NewFromConfig(lockouttest.Answered(func(string, []byte) (int, []byte) {
		*reads++
		return status, []byte(body)
	}))
	clock := lockouttest.NewClock(time.Unix(0, 0))
	return attempts.NewMemory(attempts.New(db, "attempts", nil, clock, func() float64 { return 0 }), clock.Now), reads
}

func TestTheMemoryIsBounded(t *testing.T) {
	memory, reads := answeredMemory(http.StatusOK, `{}`)
	key := func(i int) lockout.Key { return lockout.NewKey("acme", fmt.Sprint(i)) }
	for i := range 1025 {
		memory.SawLocked(key(i))
	}
	for i, want := range map[int]int{0: 0, 1: 1, 1024: 1} {
		*reads = 0
		memory.SeesLocked(t.Context(), key(i))
		if *reads != want {
			t.Errorf("user %d: got %d reads, want %d", i, *reads, want)
		}
	}
}

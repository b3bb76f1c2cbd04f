package lockouttest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// MemoryAttempts is [lockout.Attempts] in memory: each transition's own Apply,
// one at a time. It passes [TestAttempts].
type MemoryAttempts struct {
	mu      sync.Mutex
	records map[lockout.Key]lockout.Record
	events  []lockout.Event
	applied []lockout.Transition
}

// NewAttempts returns an empty store.
func NewAttempts() *MemoryAttempts {
	return &MemoryAttempts{records: map[lockout.Key]lockout.Record{}}
}

// Apply runs one transition, and keeps its event with the record.
func (m *MemoryAttempts) Apply(_ context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.applied = append(m.applied, t)
	result := t.Apply(m.records[key])
	if result.Outcome != lockout.Applied {
		return result, nil
	}
	m.records[key] = result.Record
	if result.Event != nil {
		m.events = append(m.events, *result.Event)
	}
	return result, nil
}

// Read returns the record.
func (m *MemoryAttempts) Read(_ context.Context, key lockout.Key) (lockout.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[key], nil
}

// ReadMany returns the records of several users; one that is not stored has
// the zero Record.
func (m *MemoryAttempts) ReadMany(_ context.Context, keys []lockout.Key) (map[lockout.Key]lockout.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := make(map[lockout.Key]lockout.Record, len(keys))
	for _, key := range keys {
		found[key] = m.records[key]
	}
	return found, nil
}

// Locked returns up to limit usernames of a client's locked users, from the
// first behind the name after, and whether there are more.
func (m *MemoryAttempts) Locked(_ context.Context, client, after string, limit int) ([]string, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for key, record := range m.records {
		if key.Client() == client && key.Username() > after && record.Locked() && record.ExpiresAt.IsZero() {
			names = append(names, key.Username())
		}
	}
	slices.Sort(names)
	return names[:min(limit, len(names))], len(names) > limit, nil
}

// Set puts a record in place, for tests that begin in the middle.
func (m *MemoryAttempts) Set(key lockout.Key, r lockout.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[key] = r
}

// Events returns the audit entries that were written, oldest first.
func (m *MemoryAttempts) Events() []lockout.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}

// Transitions returns every transition that was asked for, oldest first, so
// that a test can compare the store calls of two logins.
func (m *MemoryAttempts) Transitions() []lockout.Transition {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.applied)
}

// A Fault says when a call fails, as seen from its effect.
type Fault string

// The faults. A caller cannot tell them apart.
const (
	FaultBefore Fault = "before the effect"
	FaultAfter  Fault = "after the effect"
)

// Faulty is a store of which one call fails, with an error that wraps
// [lockout.ErrUnavailable]. The other calls reach the store behind it.
type Faulty struct {
	Attempts lockout.Attempts
	// FailAt is the call that fails, counted from 1 over Apply and Read.
	FailAt int64
	// FailFrom, if not zero, makes that call and all after it fail.
	FailFrom int64
	Fault    Fault

	calls atomic.Int64
}

// Calls returns how many calls there were.
func (f *Faulty) Calls() int { return int(f.calls.Load()) }

// Apply passes the transition on, unless it is its turn to fail.
func (f *Faulty) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	return faulty(f, func() (lockout.Result, error) { return f.Attempts.Apply(ctx, key, t) })
}

// Read passes the read on, unless it is its turn to fail.
func (f *Faulty) Read(ctx context.Context, key lockout.Key) (lockout.Record, error) {
	return faulty(f, func() (lockout.Record, error) { return f.Attempts.Read(ctx, key) })
}

func faulty[T any](f *Faulty, call func() (T, error)) (T, error) {
	n := f.calls.Add(1)
	fails := n == f.FailAt || f.FailFrom > 0 && n >= f.FailFrom
	if !fails {
		return call()
	}
	var none T
	if f.Fault == FaultAfter {
		if _, err := call(); err != nil {
			return none, err
		}
	}
	return none, fmt.Errorf("call %d fails %s: %w", n, f.Fault, lockout.ErrUnavailable)
}

// Clock is a [lockout.Clock] that stands still until a test moves it. Sleep
// returns at once, having let other goroutines run, and does not move the
// time: a burst of sleepers would otherwise age each other's attempts. It is
// safe for concurrent use.
type Clock struct {
	mu    sync.Mutex
	now   time.Time
	slept time.Duration
}

// NewClock returns a clock that shows the given time.
func NewClock(start time.Time) *Clock { return &Clock{now: start} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the time on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Sleep notes the duration and returns at once, with the context's error if
// that has ended.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.slept += d
	c.mu.Unlock()
	runtime.Gosched()
	return ctx.Err()
}

// Slept returns the sum of all sleeps.
func (c *Clock) Slept() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.slept
}

// IDs returns a source of identifiers that look like ULIDs, sort in the order
// in which they were made and never repeat, in other tests neither: a DynamoDB
// request token made from one is remembered for ten minutes by the account. The
// source is safe for concurrent use.
func IDs() func() string {
	var last atomic.Int64
	source := rand.Uint32()
	return func() string { return fmt.Sprintf("01%010d%014d", source, last.Add(1)) }
}

// FixedMaximum is [lockout.Maximums] with one number for every client.
type FixedMaximum int

// Maximum returns the number.
func (m FixedMaximum) Maximum(context.Context, string) int { return int(m) }

// Credentials is [lockout.Credentials] over a map of passwords. It counts the
// comparisons, those of unknown users too.
type Credentials struct {
	passwords map[string]string
	compares  atomic.Int64
}

// NewCredentials takes passwords by "client/username".
func NewCredentials(passwords map[string]string) *Credentials {
	return &Credentials{passwords: maps.Clone(passwords)}
}

// Compares returns how many passwords have been compared.
func (c *Credentials) Compares() int { return int(c.compares.Load()) }

// Credential returns the user's credential, or one that never matches.
func (c *Credentials) Credential(_ context.Context, key lockout.Key) (Credential, error) {
	password, known := c.passwords[key.String()]
	return Credential{key: key, password: password, known: known, compares: &c.compares}, nil
}

// Credential is the credential of one user of [Credentials]: a Manager with
// nothing else to them.
type Credential struct {
	key      lockout.Key
	password string
	known    bool
	compares *atomic.Int64
}

// Known reports whether there is such a user.
func (c Credential) Known() bool { return c.known }

// Compare counts, and reports whether the password is the right one.
func (c Credential) Compare(_ context.Context, password string) (bool, error) {
	c.compares.Add(1)
	return c.known && password == c.password, nil
}

// User returns the user.
func (c Credential) User() access.User {
	return access.User{Client: c.key.Client(), Username: c.key.Username(), Role: access.Manager}
}

// Upgrade does nothing: there is no hash to make stronger.
func (c Credential) Upgrade(context.Context, string) error { return nil }

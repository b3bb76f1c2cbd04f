package lockouttest_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

func TestLinearizable(t *testing.T) {
	lockouttest.TestLinearizable(t, lockouttest.NewAttempts(), 30)
}

// TestStoresThatAreNotLinearizableAreFound shows that the check can fail. In the
// bubble of a synctest whoever sleeps meets whoever came at the same time.
func TestStoresThatAreNotLinearizableAreFound(t *testing.T) {
	for name, broken := range map[string]func(*lockouttest.MemoryAttempts) lockout.Attempts{
		"one that reads and then writes":           func(m *lockouttest.MemoryAttempts) lockout.Attempts { return readsThenWrites{m} },
		"one that reads what was":                  func(m *lockouttest.MemoryAttempts) lockout.Attempts { return readsLate{m} },
		"one that counts a failure twice":          func(m *lockouttest.MemoryAttempts) lockout.Attempts { return countsTwice{m} },
		"one that does not do what it says it did": func(m *lockouttest.MemoryAttempts) lockout.Attempts { return forgets{m} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := lockouttest.RecordHistory(t, broken(lockouttest.NewAttempts())).Check(t.TempDir())
				if err == nil || !strings.Contains(err.Error(), "illegal") {
					t.Fatalf("got %v, want a history that is illegal", err)
				}
				page, readErr := os.ReadFile(regexp.MustCompile(`\S+\.html`).FindString(err.Error()))
				if readErr != nil || !strings.Contains(string(page), "lockout.Charge") {
					t.Errorf("got %v and a page of %d bytes, want one that shows the calls", readErr, len(page))
				}
			})
		})
	}
}

const awhile = time.Millisecond

// readsThenWrites is what a store without conditional writes does.
type readsThenWrites struct{ *lockouttest.MemoryAttempts }

func (s readsThenWrites) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	seen, err := s.Read(ctx, key)
	time.Sleep(awhile)
	result := t.Apply(seen)
	s.Set(key, result.Record)
	return result, err
}

// readsLate reads as without ConsistentRead: here, as before the charges in
// flight.
type readsLate struct{ *lockouttest.MemoryAttempts }

func (s readsLate) Read(ctx context.Context, key lockout.Key) (lockout.Record, error) {
	record, err := s.MemoryAttempts.Read(ctx, key)
	record.InFlight, record.Charged, record.ChargedAt = nil, record.Failed, time.Time{}
	return record, err
}

// countsTwice is what a store does that retries without looking at the attempt's
// id.
type countsTwice struct{ *lockouttest.MemoryAttempts }

func (s countsTwice) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	result, err := s.MemoryAttempts.Apply(ctx, key, t)
	if f, fails := t.(lockout.Fail); fails && result.Outcome == lockout.Applied && result.Event == nil {
		record := result.Record
		record.Failed, record.Charged = record.Failed+1, record.Charged+1
		record.Evidence = append(record.Evidence, f.Evidence)
		s.Set(key, record)
	}
	return result, err
}

// forgets is what a store does that loses a write, such as one that did not
// reach the disk.
type forgets struct{ *lockouttest.MemoryAttempts }

func (s forgets) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	if u, unlocks := t.(lockout.Unlock); unlocks {
		seen, err := s.Read(ctx, key)
		return u.Apply(seen), err
	}
	return s.MemoryAttempts.Apply(ctx, key, t)
}

package lockouttest_test

import (
	"testing"

	"portcullis/internal/audit"
	"portcullis/internal/lockouttest"
)

// freshMemory returns an empty store in memory.
func freshMemory() lockouttest.AttemptsFixture {
	attempts := lockouttest.NewAttempts()
	return lockouttest.AttemptsFixture{
		Attempts: attempts,
		Entries: func(_ lockouttest.TB, client string) []audit.Entry {
			var entries []audit.Entry
			for _, e := range attempts.Events() {
				if e.Key.Client() == client {
					entries = append(entries, audit.FromEvent(e))
				}
			}
			return entries
		},
	}
}

func TestMemoryAttempts(t *testing.T) {
	lockouttest.TestAttempts(t, func(*testing.T) lockouttest.AttemptsFixture { return freshMemory() })
}

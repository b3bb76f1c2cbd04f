package lockouttest_test

import (
	"testing"

	"portcullis/internal/audit"
	"portcullis/internal/lockouttest"
)

// openMemory returns a fresh store in memory.
func openMemory(*testing.T) lockouttest.AttemptsFixture {
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

func TestMemoryAttempts(t *testing.T) { lockouttest.TestAttempts(t, openMemory) }

package embedded_test

import (
	"testing"

	"portcullis/internal/lockouttest"
)

// openAttempts opens a fresh store for the suites of the attempts.
func openAttempts(t *testing.T) lockouttest.AttemptsFixture {
	s := fresh(t)
	return lockouttest.AttemptsFixture{Attempts: s.Attempts, Entries: entriesOf(s)}
}

func TestPropertyOfTransitions(t *testing.T) {
	lockouttest.TestPropertyOfTransitions(t, openAttempts, 100)
}

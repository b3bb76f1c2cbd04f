package embedded_test

import (
	"testing"

	"portcullis/internal/lockouttest"
)

// openAttempts opens a fresh store for the suites of the attempts.
func openAttempts(t *testing.T) lockouttest.AttemptsFixture {
	t.Helper()
	s := fresh(t)
	return lockouttest.AttemptsFixture{Attempts: s.Attempts, Glance: s.Attempts, Entries: entriesOf(s)}
}

// oneStore returns how a property gets at a store that all its sequences share.
func oneStore(t *testing.T) func() lockouttest.AttemptsFixture {
	t.Helper()
	store := openAttempts(t)
	return func() lockouttest.AttemptsFixture { return store }
}

// propertyShare leaves time for the disk, which each command that changes
// something waits for.
const propertyShare = 30

func TestPropertyOfTransitions(t *testing.T) {
	lockouttest.TestPropertyOfTransitions(t, oneStore(t), propertyShare)
}

func TestPropertyOfGate(t *testing.T) { lockouttest.TestPropertyOfGate(t, oneStore(t), propertyShare) }

// openUsers opens a fresh store for the suites of the users.
func openUsers(t *testing.T) lockouttest.UsersFixture {
	t.Helper()
	s := fresh(t)
	return lockouttest.UsersFixture{Users: s.Users, Entries: entriesOf(s)}
}

func TestPropertyOfUsers(t *testing.T) {
	lockouttest.TestPropertyOfUsers(t, openUsers(t), propertyShare)
}

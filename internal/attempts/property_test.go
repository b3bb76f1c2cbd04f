package attempts_test

import (
	"testing"

	"portcullis/internal/lockouttest"
)

// propertyShare is small, since each command is a request over HTTP.
const propertyShare = 20

// oneStore returns how a property gets at a store that all its sequences share.
func oneStore(t *testing.T) func() lockouttest.AttemptsFixture {
	t.Helper()
	store := open(t)
	return func() lockouttest.AttemptsFixture { return store }
}

func TestPropertyOfTransitions(t *testing.T) {
	lockouttest.TestPropertyOfTransitions(t, oneStore(t), propertyShare)
}

func TestPropertyOfGate(t *testing.T) { lockouttest.TestPropertyOfGate(t, oneStore(t), propertyShare) }

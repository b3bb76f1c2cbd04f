package lockouttest_test

import (
	"testing"

	"portcullis/internal/lockouttest"
)

func TestPropertyOfTransitions(t *testing.T) {
	lockouttest.TestPropertyOfTransitions(t, freshMemory, 50)
}

func TestPropertyOfGate(t *testing.T) { lockouttest.TestPropertyOfGate(t, freshMemory, 50) }

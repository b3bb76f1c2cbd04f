package lockouttest_test

import (
	"testing"

	"portcullis/internal/lockouttest"
)

func TestPropertyOfTransitions(t *testing.T) {
	lockouttest.TestPropertyOfTransitions(t, openMemory, 100)
}

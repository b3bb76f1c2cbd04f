package attempts_test

import (
	"testing"

	"portcullis/internal/lockouttest"
)

// propertyShare is small, since each command is a request over HTTP.
const propertyShare = 20

func TestPropertyOfTransitions(t *testing.T) {
	lockouttest.TestPropertyOfTransitions(t, open, propertyShare)
}

package attempts_test

import (
	"testing"

	"portcullis/internal/lockouttest"
)

// guessRounds is few, since each is 300 logins over HTTP.
const guessRounds = 12

func TestHiddenGuess(t *testing.T) {
	lockouttest.TestHiddenGuess(t, open(t).Attempts, guessRounds)
}

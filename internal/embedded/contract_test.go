package embedded_test

import (
	"context"
	"testing"
	"time"

	"portcullis/internal/audit"
	"portcullis/internal/bearer"
	"portcullis/internal/embedded"
	"portcullis/internal/lockouttest"
)

func TestAttempts(t *testing.T) { lockouttest.TestAttempts(t, openAttempts) }

// entriesOf returns how the entries of a store's client are read.
func entriesOf(s *embedded.Store) func(t lockouttest.TB, client string) []audit.Entry {
	return func(t lockouttest.TB, client string) []audit.Entry {
		entries, _, err := s.Trail.Entries(context.Background(), audit.Query{Client: client, Limit: 4000})
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
}

// hiddenGuessRounds is enough for a few hits by chance, at 9 in 300 a round.
const hiddenGuessRounds = 100

func TestHiddenGuess(t *testing.T) {
	lockouttest.TestHiddenGuess(t, fresh(t).Attempts, hiddenGuessRounds)
}

func TestTrail(t *testing.T) {
	lockouttest.TestTrail(t, func(t *testing.T) lockouttest.Trail { return fresh(t).Trail })
}

func TestUsers(t *testing.T) {
	lockouttest.TestUsers(t, openUsers)
}

func TestPolicies(t *testing.T) {
	open := func(t *testing.T) lockouttest.Policies { return fresh(t).Policies }
	lockouttest.TestPolicies(t, open)
	lockouttest.TestAtomicPolicies(t, open)
}

func TestTokens(t *testing.T) {
	lockouttest.TestTokens(t, func(t *testing.T) lockouttest.Tokens {
		s := fresh(t)
		return lockouttest.Tokens{
			Mint:     s.Tokens,
			Verifier: &bearer.Verifier{Issuer: embedded.Issuer, ClientID: embedded.ClientID, Keys: s.Tokens, Now: time.Now},
		}
	})
}

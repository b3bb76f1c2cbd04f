package lockouttest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"portcullis/internal/lockout"
)

// How the hidden guess is looked for: one right password among guesses that
// arrive at once, at the largest maximum there is.
const (
	guesses      = 300
	guessMaximum = lockout.MaxMaximum
	// oneInAMillion is how unlikely a number of hits must be before the test
	// says that the gate, and not chance, made it.
	oneInAMillion = 1e-6
)

// TestHiddenGuess sends, in each round, one right guess among 300 parallel ones
// for a fresh user, and fails when it gets in more often, or less often, than
// maximum/300 explains. A product that compares before it counts lets it in
// every time.
func TestHiddenGuess(t *testing.T, attempts lockout.Attempts, rounds int) {
	hits := 0
	for round := range rounds {
		if hiddenGuess(t, attempts, round) {
			hits++
		}
	}
	chance := float64(guessMaximum) / guesses
	t.Logf("the right guess got in %d times in %d rounds; maximum/guesses makes that %.2f", hits, rounds, chance*float64(rounds))
	if more := tail(rounds, chance, hits, rounds); more < oneInAMillion {
		t.Errorf("that it gets in so often has a chance of %g", more)
	}
	if less := tail(rounds, chance, 0, hits); less < oneInAMillion {
		t.Errorf("that it gets in so seldom has a chance of %g", less)
	}
}

// tail returns the chance of from to to hits, both included, in n rounds.
func tail(n int, p float64, from, to int) float64 {
	sum := 0.0
	for k := from; k <= to; k++ {
		choose, _ := math.Lgamma(float64(n + 1))
		taken, _ := math.Lgamma(float64(k + 1))
		left, _ := math.Lgamma(float64(n - k + 1))
		sum += math.Exp(choose - taken - left + float64(k)*math.Log(p) + float64(n-k)*math.Log(1-p))
	}
	return sum
}

// hiddenGuess runs one round and reports whether the right guess got in.
func hiddenGuess(t *testing.T, attempts lockout.Attempts, round int) bool {
	t.Helper()
	gate := &lockout.Gate[*countedGuess]{
		Attempts: attempts, Credentials: new(countedGuess), Maximums: FixedMaximum(guessMaximum),
		Clock: impatient{}, NewID: newID, Jitter: rand.Float64, Lifetime: time.Minute,
	}
	key := lockout.NewKey("acme", "guess-"+newID())
	right := rand.IntN(guesses)
	var in atomic.Bool
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range guesses {
		wait.Go(func() {
			<-start
			password := "wrong"
			if i == right {
				password = rightGuess
			}
			verdict, err := gate.Attempt(context.Background(), lockout.Attempt{Key: key, Password: password})
			if err != nil {
				t.Errorf("round %d: %v", round, err)
			}
			if verdict.Ruling == lockout.Welcome {
				in.Store(true)
			}
		})
	}
	close(start)
	wait.Wait()
	compared := gate.Credentials.(*countedGuess).compared.Load()
	if !in.Load() && compared > guessMaximum {
		t.Errorf("round %d: got %d passwords compared, want at most %d", round, compared, guessMaximum)
	}
	return in.Load()
}

func newID() string { return ulid.Make().String() }

// rightGuess is the password of everybody who has a countedGuess.
const rightGuess = "right"

// A countedGuess is everybody's credential, and counts its comparisons.
type countedGuess struct{ compared atomic.Int64 }

func (c *countedGuess) Credential(context.Context, lockout.Key) (*countedGuess, error) { return c, nil }

func (c *countedGuess) Known() bool { return true }

func (c *countedGuess) Compare(_ context.Context, password string) (bool, error) {
	c.compared.Add(1)
	return password == rightGuess, nil
}

// impatient is the real time without its waits: a guess that finds the budget
// taken leaves, so that the first to come are the only ones compared.
type impatient struct{}

func (impatient) Now() time.Time { return time.Now() }

func (impatient) Sleep(context.Context, time.Duration) error { return errImpatient }

var errImpatient = errors.New("no time to wait")

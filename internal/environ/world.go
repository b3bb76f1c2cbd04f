package environ

import (
	"context"
	cryptorand "crypto/rand"
	"math/rand/v2"
	"time"

	"github.com/oklog/ulid/v2"
)

// Clock is the machine's clock. It is a lockout.Clock.
type Clock struct{}

// Now returns the time.
func (Clock) Now() time.Time { return time.Now() }

// Sleep returns after d, or with the context's error if that ends first.
func (Clock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// NewID returns a ULID: 48 bits of the time in milliseconds, 80 bits from
// crypto/rand. It is safe for concurrent use.
func NewID() string { return ulid.MustNew(ulid.Now(), cryptorand.Reader).String() }

// Jitter returns a random number in [0, 1). It spreads waits and keeps no
// secret.
func Jitter() float64 { return rand.Float64() }

package environ

import (
	"context"
	cryptorand "crypto/rand"
	"io"
	"log/slog"
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

// Logger returns a log of one JSON object a line, with times in UTC.
func Logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: utc}))
}

func utc(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		a.Value = slog.TimeValue(a.Value.Time().UTC())
	}
	return a
}

// PolicyFaults returns what package policy reports to: one line in the log for
// each look at a client's maximum that failed.
func PolicyFaults(log *slog.Logger) func(client string, err error) {
	return func(client string, err error) {
		log.Warn("policy_unreadable", "client", client, "error", err.Error())
	}
}

package lockout

import (
	"context"
	"time"
)

// The bounds of a client's maximum of failed logins. PCI DSS 8.3.4 wants a
// lock after at most ten failures; the product allows 1 to 9 and starts at 5.
const (
	MinMaximum     = 1
	MaxMaximum     = 9
	DefaultMaximum = 5
)

// ValidMaximum reports whether n may be a client's maximum.
func ValidMaximum(n int) bool { return MinMaximum <= n && n <= MaxMaximum }

// The places a policy's maximum can come from.
const (
	SourceDefault = "default" // nothing is set; DefaultMaximum holds
	SourceClient  = "client"  // the client set a number
)

// A Policy is what a client has decided about failed logins.
type Policy struct {
	Maximum   int       // 1 to 9
	Source    string    // SourceDefault or SourceClient
	Version   int64     // grows with every change; 0 while nothing is set
	UpdatedAt time.Time // UTC; zero while nothing is set
	UpdatedBy string    // "client/username"; empty while nothing is set
}

// DefaultPolicy is the policy of a client that has set nothing.
func DefaultPolicy() Policy {
	return Policy{Maximum: DefaultMaximum, Source: SourceDefault}
}

// Maximums tells the gate the maximum in force. An implementation MUST return
// a number from 1 to 9 whatever happens to its store (the last value known,
// else [DefaultMaximum]), MUST NOT ask the store for clients that do not exist,
// and MUST be safe for concurrent use. It is asked once per attempt, so it
// caches.
type Maximums interface {
	Maximum(ctx context.Context, client string) int
}

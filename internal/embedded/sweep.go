package embedded

import (
	"context"
	"time"

	"go.etcd.io/bbolt"
)

// sweptTogether bounds how many values one write sweeps out, so that logins do
// not wait behind it.
const sweptTogether = 500

// sweepInterval is the time from one sweep of an open store to the next: how
// long at most something stays after it has expired. The counters and entries
// of unknown users, which anybody can make, are kept for 90 days and so are few
// more than they must be. A session lasts 12 hours and may stay for 36; each
// took a right password.
const sweepInterval = 24 * time.Hour

// keepSwept sweeps now, and at every interval until the context ends.
func (s *Store) keepSwept(ctx context.Context, now func() time.Time) {
	next := time.NewTicker(sweepInterval)
	defer next.Stop()
	for {
		s.sweep(ctx, now())
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweep deletes what has expired: it only cleans, and nothing is ever decided
// by a value's absence. What it cannot delete is left for the next time.
func (s *Store) sweep(ctx context.Context, now time.Time) {
	for _, bucket := range []string{attemptsBucket, auditBucket, sessionsBucket} {
		var last []byte
		for more := true; more && ctx.Err() == nil; {
			var expired [][]byte
			err := s.view(ctx, func(tx *bbolt.Tx) error {
				expired, last, more = findExpired(tx.Bucket([]byte(bucket)), last, now)
				return nil
			})
			if err != nil || s.drop(ctx, bucket, expired, now) != nil {
				return
			}
		}
	}
}

// findExpired returns keys whose values have expired, the key to go on from,
// and whether there is more to look at.
func findExpired(b *bbolt.Bucket, from []byte, now time.Time) (expired [][]byte, last []byte, more bool) {
	c := b.Cursor()
	looked := 0
	for k, v := c.Seek(from); k != nil; k, v = c.Next() {
		if looked++; looked > sweptTogether {
			return expired, append([]byte(nil), k...), true
		}
		if isExpired(v, now) {
			expired = append(expired, append([]byte(nil), k...))
		}
	}
	return expired, nil, false
}

// drop deletes the keys whose values have still expired.
func (s *Store) drop(ctx context.Context, bucket string, keys [][]byte, now time.Time) error {
	if len(keys) == 0 {
		return nil
	}
	return s.write(ctx, func(tx *bbolt.Tx) (bool, error) {
		b := tx.Bucket([]byte(bucket))
		for _, key := range keys {
			if !isExpired(b.Get(key), now) {
				continue
			}
			if err := b.Delete(key); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// isExpired reports whether a value says that it may go.
func isExpired(value []byte, now time.Time) bool {
	var v struct {
		ExpiresAt time.Time `json:"expires_at"`
	}
	err := decode(value, &v)
	return err == nil && !v.ExpiresAt.IsZero() && v.ExpiresAt.Before(now)
}

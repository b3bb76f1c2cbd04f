package embedded_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/embedded"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// forBenchmark opens a new store for a benchmark.
func forBenchmark(b *testing.B) *embedded.Store {
	b.Helper()
	s, err := embedded.Open(filepath.Join(b.TempDir(), "data"), options(time.Now))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// applied runs a transition that must have the outcome.
func applied(b *testing.B, s *embedded.Store, key lockout.Key, t lockout.Transition, outcome lockout.Outcome) lockout.Record {
	b.Helper()
	got, err := s.Attempts.Apply(b.Context(), key, t)
	if err != nil || got.Outcome != outcome {
		b.Errorf("%T: got %q, %v; want %q", t, got.Outcome, err, outcome)
	}
	return got.Record
}

// chargeAndSettle are the two writes of a login; each is on the disk.
func chargeAndSettle(b *testing.B, s *embedded.Store, key lockout.Key, id string) {
	charged := applied(b, s, key, lockout.Charge{AttemptID: id, Maximum: 5, At: at()}, lockout.Applied)
	applied(b, s, key, lockout.Succeed{AttemptID: id, Generation: charged.Generation, Reclaims: charged.Reclaims}, lockout.Applied)
}

func named(b *testing.B, name string) lockout.Key {
	b.Helper()
	key, err := users.UserKey("acme", name)
	if err != nil {
		b.Fatal(err)
	}
	return key
}

// BenchmarkChargeAndSettle makes the two writes of a login, one login after the
// other and 32 at once, which share commits.
func BenchmarkChargeAndSettle(b *testing.B) {
	b.Run("one", func(b *testing.B) {
		s, key := forBenchmark(b), named(b, "ana.silva")
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			chargeAndSettle(b, s, key, fmt.Sprint(n))
		}
	})
	b.Run("many at once", func(b *testing.B) {
		s := forBenchmark(b)
		var client atomic.Int64
		b.SetParallelism(16) // for each core
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			key := named(b, fmt.Sprint("user-", client.Add(1)))
			for n := 0; p.Next(); n++ {
				chargeAndSettle(b, s, key, fmt.Sprint(n))
			}
		})
	})
}

// BenchmarkRefusal sees that a user is locked, as the gate does first, and is
// refused a charge, as it would be then. Both cost a read.
func BenchmarkRefusal(b *testing.B) {
	s, key := forBenchmark(b), named(b, "ana.silva")
	charged := applied(b, s, key, lockout.Charge{AttemptID: "a", Maximum: 1, At: at()}, lockout.Applied)
	applied(b, s, key, lockout.Fail{
		Generation: charged.Generation, Maximum: 1, Evidence: lockout.Evidence{AttemptID: "a", At: at()},
		Lock: lockout.Event{ID: "01J0000000000000000000000L", Kind: lockout.EventLock, At: at(), Key: key}, Seen: charged,
	}, lockout.Applied)
	b.Run("glance", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !s.Attempts.SeesLocked(b.Context(), key) {
				b.Fatal("got no lock")
			}
		}
	})
	b.Run("charge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			applied(b, s, key, lockout.Charge{AttemptID: "b", Maximum: 1, At: at()}, lockout.RefusedLocked)
		}
	})
}

// BenchmarkCredential reads what a password is compared with.
func BenchmarkCredential(b *testing.B) {
	s, key := forBenchmark(b), named(b, "ana.silva")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Users.Credential(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMint makes a session: two signatures and one write.
func BenchmarkMint(b *testing.B) {
	s := forBenchmark(b)
	ana := access.User{Client: "acme", Username: "ana.silva", Role: access.Manager, CreatedAt: at(), SessionsSince: at()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Tokens.Mint(b.Context(), ana); err != nil {
			b.Fatal(err)
		}
	}
}

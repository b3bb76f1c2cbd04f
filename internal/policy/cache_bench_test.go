package policy_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"portcullis/internal/policy"
)

// A number is a source that answers at once.
type number int

func (n number) Maximum(context.Context, string) (int, error) { return int(n), nil }

// BenchmarkMaximum reads the maximum as a login does: out of the cache, out of it
// by all cores at once, and from a source that answers at once, so that what is
// left is the flight.
func BenchmarkMaximum(b *testing.B) {
	exists := func(context.Context, string) (bool, error) { return true, nil }
	now := time.Unix(0, 0)
	cache := policy.NewCache(number(7), exists, func() time.Time { return now }, func() float64 { return 0.5 },
		func(_ string, err error) { b.Error(err) })
	read := func(client string) {
		if got := cache.Maximum(b.Context(), client); got != 7 {
			b.Errorf("got %d, want 7", got)
		}
	}
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			read("acme")
		}
	})
	b.Run("hit by all cores", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				read("acme")
			}
		})
	})
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			read(fmt.Sprint("client-", n))
		}
	})
	b.Run("too old", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			now = now.Add(time.Hour)
			read("acme")
		}
	})
}

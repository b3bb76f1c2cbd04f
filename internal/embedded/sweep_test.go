package embedded_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

func TestOpeningSweepsOutWhatHasExpired(t *testing.T) {
	dir := folder(t)
	nobody, ana := userKey(t, "nobody"), userKey(t, "ana")
	s := open(t, dir, at)
	g := gate(s, lockouttest.NewClock(at()), lockouttest.IDs())
	for range lockout.DefaultMaximum {
		attempt(t, g, nobody, "wrong")
	}
	add(t, s, access.User{Client: "acme", Username: "ana", CreatedAt: at()}, "correct horse 1")
	attempt(t, g, ana, "wrong")
	closeStore(t, s)

	later := func() time.Time { return at().Add(lockout.UnknownUserRetention + time.Second) }
	synctest.Test(t, func(t *testing.T) {
		s := open(t, dir, later)
		defer closeStore(t, s)
		synctest.Wait() // until the sweep is done
		entries, _, err := s.Trail.Entries(context.Background(), audit.Query{Client: "acme", Limit: 10})
		if err != nil || len(entries) != 1 || entries[0].Action != audit.UserCreated {
			t.Errorf("entries: got %v, %v, want that of the user's creation", entries, err)
		}
		records, err := s.Attempts.ReadMany(context.Background(), []lockout.Key{nobody, ana})
		if err != nil || records[nobody].Failed != 0 || records[ana].Failed != 1 {
			t.Errorf("records: got %+v, %v, want only that of the user who exists", records, err)
		}
	})
}

func TestAStoreThatStaysOpenSweepsOutWhatExpires(t *testing.T) {
	dir := folder(t)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, dir, time.Now)
		clock := lockouttest.NewClock(time.Now())
		g := gate(s, clock, lockouttest.IDs())
		for range lockout.DefaultMaximum {
			attempt(t, g, userKey(t, "nobody"), "wrong")
		}
		if _, err := s.Tokens.Mint(context.Background(), ana()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lockout.UnknownUserRetention + 48*time.Hour) // of the bubble's clock
		synctest.Wait()                                         // until the last sweep is done
		closeStore(t, s)
	})
	edit(t, dir, func(tx *bbolt.Tx) error {
		for _, name := range []string{"attempts", "audit", "sessions"} {
			if key, _ := tx.Bucket([]byte(name)).Cursor().First(); key != nil {
				t.Errorf("%s: got %q, want it swept out", name, key)
			}
		}
		return nil
	})
}

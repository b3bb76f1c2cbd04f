package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"portcullis/internal/audit"
)

// TestReadingTheTrailIsBounded looks for the oldest of more entries than one
// read looks at.
func TestReadingTheTrailIsBounded(t *testing.T) {
	const entries, bound = 7000, 5000
	dir := folder(t)
	closeStore(t, open(t, dir, time.Now))
	edit(t, dir, func(tx *bbolt.Tx) error {
		for i := range entries {
			e := map[string]any{"client": "acme", "id": fmt.Sprintf("%06d", i), "username": "bela", "details": map[string]any{}}
			if i == 0 {
				e["username"] = "ana"
			}
			value, err := json.Marshal(e)
			if err != nil {
				return err
			}
			if err := tx.Bucket([]byte("audit")).Put(fmt.Appendf(nil, "acme/%06d", i), value); err != nil {
				return err
			}
		}
		return nil
	})
	s := open(t, dir, time.Now)
	defer closeStore(t, s)
	q := audit.Query{Client: "acme", Limit: 10, Username: "ana"}
	found, next, err := s.Trail.Entries(context.Background(), q)
	if want := fmt.Sprintf("%06d", entries-bound); len(found) != 0 || next != want || err != nil {
		t.Fatalf("got %v, next %q, error %v; want nothing and next %q", found, next, err, want)
	}
	q.Before = next
	found, next, err = s.Trail.Entries(context.Background(), q)
	if len(found) != 1 || next != "" || err != nil {
		t.Errorf("got %v, next %q, error %v; want the one entry", found, next, err)
	}
}

package lockouttest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// A Trail keeps audit entries.
type Trail interface {
	// Append adds an entry. An id that is there already is never written over:
	// the same entry again is no error (a retry), another one is.
	Append(ctx context.Context, entry audit.Entry) error
	// Entries returns a client's entries whose ids sort before the given one
	// (all, if it is empty), newest first, at most limit of them, and whether
	// there are more. It reads every Append that was answered before.
	Entries(ctx context.Context, client, before string, limit int) (entries []audit.Entry, more bool, err error)
}

// TestTrail is the contract of [Trail]. Each open is a fresh, empty one.
func TestTrail(t *testing.T, open func(t *testing.T) Trail) {
	t.Run("an entry comes back as it was", func(t *testing.T) { testTrailRoundTrip(t, open(t)) })
	t.Run("entries come newest first and in pages", func(t *testing.T) { testTrailPages(t, open(t)) })
	t.Run("clients do not see each other's entries", func(t *testing.T) { testTrailClients(t, open(t)) })
	t.Run("nothing is written over", func(t *testing.T) { testTrailAppendOnly(t, open(t)) })
	t.Run("entries appended at once are all kept", func(t *testing.T) { testTrailRace(t, open(t)) })
}

// fullEntry has a value in every field.
func fullEntry(id string) audit.Entry {
	return audit.Entry{
		Client: "acme", ID: id, At: walkStart, Action: audit.Unlock, Actor: "acme/root", Username: "ana.silva",
		SourceIP: "192.0.2.9", RequestID: "request-1", Reason: "called from her desk phone",
		Details: audit.Details{
			LockID: "lock-1", Maximum: 5, FailedAttempts: 1, IdentityConfirmedBy: "call-back", PreviousMaximum: 4,
			Outcome: "not_applied", Role: "Manager",
			Evidence: []audit.Evidence{{At: walkStart.Add(-time.Second), SourceIP: "192.0.2.7", UserAgent: "curl/8"}},
		},
		ExpiresAt: walkStart.Add(lockout.UnknownUserRetention).Truncate(time.Second),
	}
}

func testTrailRoundTrip(t *testing.T, trail Trail) {
	next := IDs()
	plain := audit.Entry{Client: "acme", ID: next(), At: walkStart, Action: audit.ClientCreated, Actor: "aws/provisioner"}
	full := fullEntry(next())
	appendAll(t, trail, plain, full)
	got, more, err := trail.Entries(t.Context(), "acme", "", 10)
	if err != nil || more {
		t.Fatalf("got more %v and error %v, want neither", more, err)
	}
	if diff := gocmp.Diff(got, []audit.Entry{full, plain}, asStored); diff != "" {
		t.Errorf("entries (-got +want):\n%s", diff)
	}
}

func testTrailPages(t *testing.T, trail Trail) {
	next := IDs()
	var ids []string
	for range 5 {
		id := next()
		ids = append([]string{id}, ids...)
		appendAll(t, trail, audit.Entry{Client: "acme", ID: id, At: walkStart, Action: audit.PasswordSet})
	}
	for _, c := range []struct {
		name   string
		before string
		limit  int
		want   []string
		more   bool
	}{
		{"the first page", "", 2, ids[:2], true},
		{"a page in the middle", ids[1], 2, ids[2:4], true},
		{"the last page", ids[3], 2, ids[4:], false},
		{"a page that ends where the trail does", ids[2], 2, ids[3:], false},
		{"all at once", "", 100, ids, false},
		{"nothing before the oldest", ids[4], 2, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, more, err := trail.Entries(t.Context(), "acme", c.before, c.limit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(entryIDs(got), c.want, asStored); diff != "" || more != c.more {
				t.Errorf("got more %v, want %v; ids (-got +want):\n%s", more, c.more, diff)
			}
		})
	}
}

func testTrailClients(t *testing.T, trail Trail) {
	next := IDs()
	theirs := fullEntry(next())
	theirs.Client = "acme-2"
	ours := fullEntry(next())
	appendAll(t, trail, theirs, ours)
	for client, want := range map[string][]string{"acme": {ours.ID}, "acme-2": {theirs.ID}, "nobody": nil} {
		got, more, err := trail.Entries(t.Context(), client, "", 10)
		if err != nil || more {
			t.Fatalf("got more %v and error %v, want neither", more, err)
		}
		if diff := gocmp.Diff(entryIDs(got), want, asStored); diff != "" {
			t.Errorf("ids of %s (-got +want):\n%s", client, diff)
		}
	}
}

func testTrailAppendOnly(t *testing.T, trail Trail) {
	first := fullEntry(IDs()())
	appendAll(t, trail, first, first)
	second := first
	second.Actor = "acme/mallory"
	if err := trail.Append(t.Context(), second); err == nil {
		t.Error("got no error for another entry under the same id")
	}
	got, _, err := trail.Entries(t.Context(), "acme", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(got, []audit.Entry{first}, asStored); diff != "" {
		t.Errorf("entries (-got +want):\n%s", diff)
	}
}

func testTrailRace(t *testing.T, trail Trail) {
	next := IDs()
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			entry := fullEntry(next())
			entry.Reason = fmt.Sprint("worker ", i)
			if err := trail.Append(t.Context(), entry); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got, more, err := trail.Entries(t.Context(), "acme", "", workers)
	if err != nil || more || len(got) != workers {
		t.Errorf("got %d entries, more %v, error %v; want %d, false and none", len(got), more, err, workers)
	}
}

func appendAll(t *testing.T, trail Trail, entries ...audit.Entry) {
	t.Helper()
	for _, e := range entries {
		if err := trail.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func entryIDs(entries []audit.Entry) []string {
	ids := make([]string, 0, len(entries))
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}

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
	// Entries returns the entries of a [audit.Query], newest first, and the id
	// to go on before, which is empty at the end. It reads every Append that was
	// answered before. How far it reads MUST be bounded, so where few of many
	// entries match it MAY return fewer than the limit, even none, and still have
	// an id to go on before. Without a filter it MUST NOT, for entries as large as
	// a lock's.
	Entries(ctx context.Context, q audit.Query) (entries []audit.Entry, next string, err error)
}

// TestTrail is the contract of [Trail]. Each open is a fresh, empty one.
func TestTrail(t *testing.T, open func(t *testing.T) Trail) {
	t.Run("an entry comes back as it was", func(t *testing.T) { testTrailRoundTrip(t, open(t)) })
	t.Run("entries come newest first and in pages", func(t *testing.T) { testTrailPages(t, open(t)) })
	t.Run("entries are found by whom they are of and what was done", func(t *testing.T) { testTrailFilters(t, open(t)) })
	t.Run("few among many are all found, page by page", func(t *testing.T) { testTrailSparse(t, open(t)) })
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
	got := entriesOf(t, trail, audit.Query{Client: "acme", Limit: 10})
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
		next   string
	}{
		{"the first page", "", 2, ids[:2], ids[1]},
		{"a page in the middle", ids[1], 2, ids[2:4], ids[3]},
		{"the last page", ids[3], 2, ids[4:], ""},
		{"a page that ends where the trail does", ids[2], 2, ids[3:], ""},
		{"all at once", "", 100, ids, ""},
		{"nothing before the oldest", ids[4], 2, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, next, err := trail.Entries(t.Context(), audit.Query{Client: "acme", Before: c.before, Limit: c.limit})
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(entryIDs(got), c.want, asStored); diff != "" || next != c.next {
				t.Errorf("got next %q, want %q; ids (-got +want):\n%s", next, c.next, diff)
			}
		})
	}
}

func testTrailFilters(t *testing.T, trail Trail) {
	next := IDs()
	var ids []string // oldest first
	for _, e := range []audit.Entry{
		{Username: "ana", Action: audit.Lock}, {Username: "bela", Action: audit.Lock}, {Username: "ana", Action: audit.Unlock},
		{Username: "Ana", Action: audit.Lock}, {Action: audit.PolicyChanged}, {Username: "ana", Action: audit.Lock},
	} {
		e.Client, e.ID, e.At = "acme", next(), walkStart
		ids = append(ids, e.ID)
		appendAll(t, trail, e)
	}
	for _, c := range []struct {
		name string
		q    audit.Query
		want []string
	}{
		{"by user, in this very case", audit.Query{Username: "ana"}, []string{ids[5], ids[2], ids[0]}},
		{"by action", audit.Query{Action: audit.Lock}, []string{ids[5], ids[3], ids[1], ids[0]}},
		{"by both", audit.Query{Username: "ana", Action: audit.Lock}, []string{ids[5], ids[0]}},
		{"by both, before one of them", audit.Query{Username: "ana", Action: audit.Lock, Before: ids[5]}, []string{ids[0]}},
		{"nobody's", audit.Query{Username: "an"}, nil},
		{"none of the kind", audit.Query{Username: "bela", Action: audit.Unlock}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.Client, c.q.Limit = "acme", 10
			if diff := gocmp.Diff(entryIDs(entriesOf(t, trail, c.q)), c.want, asStored); diff != "" {
				t.Errorf("ids (-got +want):\n%s", diff)
			}
		})
	}
}

// testTrailSparse reads page by page what is rare, down to the last of it.
func testTrailSparse(t *testing.T, trail Trail) {
	const entries, every = 60, 9
	next := IDs()
	var want []string
	for i := range entries {
		e := audit.Entry{Client: "acme", ID: next(), At: walkStart, Action: audit.Lock, Username: "somebody"}
		if i%every == 0 {
			e.Username = "ana"
			want = append([]string{e.ID}, want...)
		}
		appendAll(t, trail, e)
	}
	for limit := 1; limit <= len(want)+1; limit++ {
		got := entriesOf(t, trail, audit.Query{Client: "acme", Limit: limit, Username: "ana"})
		if diff := gocmp.Diff(entryIDs(got), want, asStored); diff != "" {
			t.Errorf("%d on a page: ids (-got +want):\n%s", limit, diff)
		}
	}
}

func testTrailClients(t *testing.T, trail Trail) {
	next := IDs()
	theirs := fullEntry(next())
	theirs.Client = "acme-2"
	ours := fullEntry(next())
	appendAll(t, trail, theirs, ours)
	for client, want := range map[string][]string{"acme": {ours.ID}, "acme-2": {theirs.ID}, "nobody": nil} {
		got := entriesOf(t, trail, audit.Query{Client: client, Limit: 10})
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
	got := entriesOf(t, trail, audit.Query{Client: "acme", Limit: 10})
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
	if got := entriesOf(t, trail, audit.Query{Client: "acme", Limit: workers}); len(got) != workers {
		t.Errorf("got %d entries, want %d", len(got), workers)
	}
}

// entriesOf reads all that is asked for, page by page.
func entriesOf(t *testing.T, trail Trail, q audit.Query) []audit.Entry {
	t.Helper()
	var all []audit.Entry
	for {
		entries, next, err := trail.Entries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) > q.Limit {
			t.Fatalf("got a page of %d entries, want at most %d", len(entries), q.Limit)
		}
		if all = append(all, entries...); next == "" {
			return all
		}
		if q.Before != "" && next >= q.Before {
			t.Fatalf("got %q to go on before, which does not come before %q", next, q.Before)
		}
		q.Before = next
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

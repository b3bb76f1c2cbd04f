package lockouttest

import (
	"context"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"portcullis/internal/lockout"
)

// Attempts is a store of attempts that also lists who is locked.
type Attempts interface {
	lockout.Attempts
	// Locked returns up to limit usernames of a client's locked users, in the
	// order of their bytes, that come behind the name after ("" for the start),
	// and whether there may be more. The locks of unknown users MUST NOT be
	// among them. The list MAY lag behind the records by a moment, since an
	// index of DynamoDB is written after its item: a caller looks at the record
	// of each, and does without a lock that is that new.
	Locked(ctx context.Context, client, after string, limit int) (usernames []string, more bool, err error)
}

// everybody is a limit that no client of this suite reaches.
const everybody = 100

// testLockedList follows one user in and out of the list.
func testLockedList(t *testing.T, f AttemptsFixture) {
	w := newWalk(t, f)
	for _, s := range []struct {
		what string
		take []step
		want []string
	}{
		{"a failure that does not lock", []step{charge("a", 2), fail("a", 2)}, nil},
		{"a lock", []step{charge("b", 2), fail("b", 2)}, []string{"ana.silva"}},
		{"an attempt on a locked user", []step{charge("c", 2)}, []string{"ana.silva"}},
		{"an unlock", []step{unlock()}, nil},
		{"a lock of a later generation", []step{charge("d", 1), fail("d", 1)}, []string{"ana.silva"}},
		{"an unlock of what was seen", []step{look, unlockSeen()}, nil},
		{"a lock of an unknown user", []step{charge("e", 1), unknown(fail("e", 1))}, nil},
		{"an unlock of an unknown user", []step{unlock()}, nil},
	} {
		for _, step := range s.take {
			w.take(step)
		}
		got, more, err := f.Attempts.Locked(t.Context(), w.key.Client(), "", everybody)
		if err != nil || more {
			t.Fatalf("after %s: more %v, error %v", s.what, more, err)
		}
		if diff := gocmp.Diff(got, s.want, asStored); diff != "" {
			t.Errorf("after %s: locked (-got +want):\n%s", s.what, diff)
		}
	}
}

// lead takes another user of the same client through steps of their own.
func (w *walk) lead(username string, steps ...step) {
	w.t.Helper()
	other := w.another(username)
	for _, s := range steps {
		other.take(s)
	}
}

func testLockedPages(t *testing.T, f AttemptsFixture) {
	w := newWalk(t, f)
	locks := []step{charge("a", 1), fail("a", 1)}
	// In the order of their bytes, not in that of their locks.
	names := []string{"Zoe", "a", "ana", "ana.silva", "bela", "jos\u00e9"}
	for _, i := range []int{3, 0, 5, 1, 4, 2} {
		w.lead(names[i], locks...)
	}
	w.lead("aaron", charge("a", 1), unknown(fail("a", 1)))
	neighbour := newWalk(t, f)
	neighbour.key = lockout.NewKey(w.key.Client()+"-2", "ana")
	for _, s := range locks {
		neighbour.take(s)
	}
	for _, c := range []struct {
		name  string
		after string
		limit int
		want  []string
		more  bool
	}{
		{"all at once", "", everybody, names, false},
		{"the first page", "", 2, names[:2], true},
		{"a page in the middle", names[1], 2, names[2:4], true},
		{"a page that ends where the list does", names[3], 2, names[4:], false},
		{"behind a name that is not locked", "aaron", 2, names[2:4], true},
		{"behind the last", names[5], 2, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, more, err := f.Attempts.Locked(t.Context(), w.key.Client(), c.after, c.limit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(got, c.want, asStored); diff != "" || more != c.more {
				t.Errorf("got more %v, want %v; locked (-got +want):\n%s", more, c.more, diff)
			}
		})
	}
}

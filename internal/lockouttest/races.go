package lockouttest

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// The sizes of the race tests, from the issue that asked for them: 64 workers
// and 1,000 wrong attempts for one user.
const (
	workers = 64
	wrongs  = 1000
)

// testSentTwice repeats the very transitions that write to the trail, as a
// retry would whose first answer was lost. The second answer may be that of the
// first, or that of a record on which it is done already.
func testSentTwice(t *testing.T, f AttemptsFixture) {
	w := newWalk(t, f)
	w.take(charge("a", 1))
	for _, s := range []step{fail("a", 1), unlock()} {
		made := s(w)
		w.take(func(*walk) lockout.Transition { return made })
		again, err := f.Attempts.Apply(t.Context(), w.key, made)
		if err != nil {
			t.Fatal(err)
		}
		if again.Outcome != lockout.Applied && again.Outcome != made.Apply(w.record).Outcome {
			t.Errorf("%T sent twice: got outcome %q", made, again.Outcome)
		}
		if again.Record.Locked() != w.record.Locked() {
			t.Errorf("%T sent twice: got locked %v, want %v", made, again.Record.Locked(), w.record.Locked())
		}
		w.checkStored(made)
	}
}

func testSeparateUsers(t *testing.T, f AttemptsFixture) {
	first, second := newWalk(t, f), newWalk(t, f)
	second.key = lockout.NewKey(first.key.Client(), "Ana.Silva")
	first.take(charge("a", 1))
	if got := second.take(charge("a", 1)); got != lockout.Applied {
		t.Errorf("got %q for a name in other letters, want %q", got, lockout.Applied)
	}
	if got := newWalk(t, f).take(charge("a", 1)); got != lockout.Applied {
		t.Errorf("got %q for the same name at another client, want %q", got, lockout.Applied)
	}
}

// race applies n transitions at once and counts their outcomes. One that was
// applied and sent again counts as applied.
func race(t *testing.T, f AttemptsFixture, key lockout.Key, n int, transition func(i int) lockout.Transition) map[lockout.Outcome]int {
	t.Helper()
	var mu sync.Mutex
	outcomes := map[lockout.Outcome]int{}
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			result, err := f.Attempts.Apply(t.Context(), key, transition(i))
			if err != nil {
				t.Error(err)
			}
			outcome := result.Outcome
			if outcome == lockout.Repeated {
				outcome = lockout.Applied
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[outcome]++
		})
	}
	group.Wait()
	return outcomes
}

func testChargeRace(t *testing.T, f AttemptsFixture) {
	w, next := newWalk(t, f), IDs()
	got := race(t, f, w.key, workers, func(int) lockout.Transition {
		return lockout.Charge{AttemptID: next(), Maximum: 5, At: w.now}
	})
	want := map[lockout.Outcome]int{lockout.Applied: 5, lockout.RefusedBusy: workers - 5}
	if diff := gocmp.Diff(got, want); diff != "" {
		t.Errorf("outcomes (-got +want):\n%s", diff)
	}
	read, err := f.Attempts.Read(t.Context(), w.key)
	if err != nil {
		t.Fatal(err)
	}
	if read.Charged != 5 || len(read.InFlight) != 5 {
		t.Errorf("got %d charged and %d in flight, want 5 of each", read.Charged, len(read.InFlight))
	}
}

// testLockRace settles a full budget at once. Each failure knows the record
// only as its charge left it.
func testLockRace(t *testing.T, f AttemptsFixture) {
	w := newWalk(t, f)
	ids := []string{"a", "b", "c", "d", "e"}
	failures := make([]lockout.Transition, len(ids))
	for i, id := range ids {
		w.take(charge(id, len(ids)))
		failures[i] = fail(id, len(ids))(w)
	}
	got := race(t, f, w.key, len(ids), func(i int) lockout.Transition { return failures[i] })
	if got[lockout.Applied] != len(ids) {
		t.Errorf("got outcomes %v, want all applied", got)
	}
	read, err := f.Attempts.Read(t.Context(), w.key)
	if err != nil {
		t.Fatal(err)
	}
	if !read.Locked() || read.Failed != len(ids) || len(read.Evidence) != len(ids) || len(read.InFlight) != 0 {
		t.Errorf("got %+v, want a lock with all evidence", read)
	}
	checkOneLock(t, f.Entries(t, w.key.Client()), read)
}

// checkOneLock checks that the trail holds one lock, which is the record's.
func checkOneLock(t *testing.T, entries []audit.Entry, locked lockout.Record) {
	t.Helper()
	if len(entries) != 1 {
		t.Fatalf("got %d audit entries, want the one lock", len(entries))
	}
	e := entries[0]
	if e.Action != audit.Lock || e.ID != locked.LockID || e.Details.LockID != locked.LockID {
		t.Errorf("got entry %s of %s for lock %s, want the lock %s", e.ID, e.Action, e.Details.LockID, locked.LockID)
	}
	if diff := gocmp.Diff(e.Details.Evidence, audit.FromEvidence(locked.Evidence), asStored); diff != "" {
		t.Errorf("evidence of the lock's entry (-got +want):\n%s", diff)
	}
}

func testUnlockRace(t *testing.T, f AttemptsFixture) {
	const unlocks = 16
	w := newWalk(t, f)
	w.take(charge("a", 1))
	w.take(fail("a", 1))
	transitions := make([]lockout.Transition, unlocks)
	for i := range transitions {
		transitions[i] = unlock()(w)
	}
	got := race(t, f, w.key, unlocks, func(i int) lockout.Transition { return transitions[i] })
	want := map[lockout.Outcome]int{lockout.Applied: 1, lockout.RefusedConflict: unlocks - 1}
	if diff := gocmp.Diff(got, want); diff != "" {
		t.Errorf("outcomes (-got +want):\n%s", diff)
	}
	entries := f.Entries(t, w.key.Client())
	made := slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Action != audit.Unlock })
	if len(made) != 1 {
		t.Errorf("got %d unlocks in the trail, want one", len(made))
	}
}

// testGateRace sends wrong guesses from many goroutines through the gate.
func testGateRace(t *testing.T, f AttemptsFixture) {
	const maximum = lockout.DefaultMaximum
	w := newWalk(t, f)
	credentials := NewCredentials(map[string]string{w.key.String(): "right"})
	gate := &lockout.Gate[Credential]{
		Attempts: f.Attempts, Credentials: credentials, Maximums: FixedMaximum(maximum),
		Clock: NewClock(walkStart), NewID: IDs(), Jitter: rand.Float64, Lifetime: time.Minute, Glance: f.Glance,
	}
	told := burst(t, gate, w.key)
	if got := credentials.Compares(); got != maximum {
		t.Errorf("got %d passwords compared, want %d", got, maximum)
	}
	if told.locking != 1 {
		t.Errorf("got %d attempts that locked, want one", told.locking)
	}
	slices.Sort(told.remaining)
	if diff := gocmp.Diff(told.remaining, []int{1, 2, 3, 4}); diff != "" {
		t.Errorf("attempts remaining, of those told that they are wrong (-got +want):\n%s", diff)
	}
	read, err := f.Attempts.Read(t.Context(), w.key)
	if err != nil {
		t.Fatal(err)
	}
	checkOneLock(t, f.Entries(t, w.key.Client()), read)
	verdict, err := gate.Attempt(t.Context(), lockout.Attempt{Key: w.key, Password: "right"})
	if err != nil || verdict.Ruling != lockout.Locked {
		t.Errorf("got %q, %v for the right password after the lock, want %q", verdict.Ruling, err, lockout.Locked)
	}
}

// A tally is what a burst was told.
type tally struct {
	remaining []int // of each wrong verdict
	locking   int   // verdicts that say "you locked it"
}

func burst(t *testing.T, gate *lockout.Gate[Credential], key lockout.Key) tally {
	t.Helper()
	var mu sync.Mutex
	var told tally
	var sent atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for sent.Add(1) <= wrongs {
				verdict, err := gate.Attempt(t.Context(), lockout.Attempt{Key: key, Password: "wrong"})
				mu.Lock()
				told.add(t, verdict, err)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return told
}

func (y *tally) add(t *testing.T, verdict lockout.Verdict[Credential], err error) {
	switch {
	case err != nil:
		t.Error(err)
	case verdict.Ruling == lockout.Welcome:
		t.Error("a wrong password got in")
	case verdict.Ruling == lockout.Wrong:
		y.remaining = append(y.remaining, verdict.Remaining)
	case verdict.JustLocked:
		y.locking++
	}
}

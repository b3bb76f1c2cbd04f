package lockouttest

import (
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"portcullis/internal/lockout"
)

// TestLinearizable records histories of a store and checks that each could have
// come of a store that does one thing after the other. Of the cases that rapid
// is asked for, so many per cent are tried.
func TestLinearizable(t *testing.T, attempts lockout.Attempts, percent int) {
	histories, seen := share(t, percent), counts{}
	for range histories {
		h := RecordHistory(t, attempts)
		h.count(seen)
		if err := h.Check(os.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d histories, %d calls:\n%s", histories, seen.sum(), seen)
}

// searchTime is the longest that a history is searched for its order; they take
// milliseconds.
const searchTime = time.Minute

// Check returns an error if no order of the calls explains the answers: each
// call somewhere between its beginning and its end, each answer that of the
// transition's own Apply. The error names a page in the folder that shows how far
// an explanation goes.
func (h History) Check(folder string) error {
	model := attemptsModel()
	verdict, info := porcupine.CheckOperationsVerbose(model, h.operations, searchTime)
	if verdict == porcupine.Ok {
		return nil
	}
	page, err := os.CreateTemp(folder, "portcullis-history-*.html")
	if err != nil {
		return err
	}
	defer page.Close()
	if err := porcupine.Visualize(model, info, page); err != nil {
		return err
	}
	return fmt.Errorf("a history of %d calls is %s; %s shows it", len(h.operations), strings.ToLower(string(verdict)), page.Name())
}

// A standing is a user's record and the events that were written with it.
type standing struct {
	record lockout.Record
	events string // their ids, each behind a blank
}

// attemptsModel is a store that does one thing after the other, for one user.
func attemptsModel() porcupine.Model {
	model := porcupine.NondeterministicModel{
		Partition: byUser,
		Init:      func() []any { return []any{standing{}} },
		Step:      func(is, question, answer any) []any { return is.(standing).step(question.(asked).transition, answer) },
		Equal:     func(a, b any) bool { return a.(standing).equal(b.(standing)) },
		Hash:      func(s any) uint64 { return s.(standing).hash() },
		DescribeOperation: func(question, answer any) string {
			return fmt.Sprintf("%s → %+v", question, answer)
		},
		DescribeState: func(s any) string { return fmt.Sprintf("%+v", s.(standing).record) },
	}
	return model.ToModel()
}

func byUser(history []porcupine.Operation) [][]porcupine.Operation {
	users := map[lockout.Key][]porcupine.Operation{}
	for _, o := range history {
		key := o.Input.(asked).key
		users[key] = append(users[key], o)
	}
	var all [][]porcupine.Operation
	for _, one := range users {
		all = append(all, one)
	}
	return all
}

// step returns what may be the case after a transition, or a read if it is nil,
// that was answered so: nothing if it cannot have been.
func (s standing) step(t lockout.Transition, answer any) []any {
	switch answer := answer.(type) {
	case lockout.Record:
		if sameRecord(answer, s.record) {
			return []any{s}
		}
	case unanswered:
		return []any{s, s.after(t.Apply(s.record))}
	case tookEffect:
		if due := t.Apply(s.record); due.Outcome == lockout.Applied || s.holds(eventOf(t)) {
			return []any{s.after(due)}
		}
	case lockout.Result:
		due := t.Apply(s.record)
		if sameResult(answer, due) || answer.Event != nil && s.holds(answer.Event.ID) {
			// The latter is the answer of a transaction that was made before.
			return []any{s.after(due)}
		}
	}
	return nil
}

func (s standing) after(r lockout.Result) standing {
	s.record = r.Record
	if r.Event != nil {
		s.events += " " + r.Event.ID
	}
	return s
}

// holds reports whether an event was written.
func (s standing) holds(event string) bool {
	return event != "" && strings.Contains(s.events, " "+event)
}

// eventOf returns the id of the event that a transition may write.
func eventOf(t lockout.Transition) string {
	switch t := t.(type) {
	case lockout.Fail:
		return t.Lock.ID
	case lockout.Unlock:
		return t.Entry.ID
	}
	return ""
}

func (s standing) equal(other standing) bool {
	return s.events == other.events && sameRecord(s.record, other.record)
}

func (s standing) hash() uint64 {
	h := fnv.New64a()
	r := s.record
	fmt.Fprintf(h, "%d %d %d %d %d %s%s", r.Generation, r.Reclaims, r.Charged, r.Failed, r.ChargedAt.UnixMilli(), r.LockID, s.events)
	return h.Sum64()
}

// sameResult compares as a walk does, only faster.
func sameResult(got, want lockout.Result) bool {
	if got.Outcome != want.Outcome || (got.Event == nil) != (want.Event == nil) {
		return false
	}
	if want.Event == nil {
		return sameRecord(got.Record, want.Record)
	}
	return got.Event.ID == want.Event.ID && got.Event.LockID == want.Event.LockID && got.Event.Failed == want.Event.Failed &&
		sameEvidence(got.Event.Evidence, want.Event.Evidence) && sameRecord(settled(got.Record), settled(want.Record))
}

func sameRecord(a, b lockout.Record) bool {
	return a.Generation == b.Generation && a.Reclaims == b.Reclaims && a.Charged == b.Charged && a.Failed == b.Failed && a.LockID == b.LockID &&
		a.ChargedAt.Equal(b.ChargedAt) && a.LockedAt.Equal(b.LockedAt) && a.ExpiresAt.Unix() == b.ExpiresAt.Unix() &&
		slices.Equal(slices.Sorted(slices.Values(a.InFlight)), slices.Sorted(slices.Values(b.InFlight))) &&
		sameEvidence(a.Evidence, b.Evidence)
}

func sameEvidence(a, b []lockout.Evidence) bool {
	return slices.EqualFunc(a, b, func(x, y lockout.Evidence) bool { return x.AttemptID == y.AttemptID && x.At.Equal(y.At) })
}

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// What came of a fault.
const (
	asWithoutIt = "as without a fault"
	unavailing  = "unavailable"
	inPart      = "told in part"
)

// judge compares the answer and what the stores hold with the act as it goes
// without a fault: all of it is done and told, or none is and the answer is 503,
// or it is done and nobody could be told.
func (t trial) judge(s *subject, said answer, before, after state) (outcome string, wrong []string) {
	changed, wanted := t.change(before, after), t.change(t.before, t.after)
	took := cmp.Equal(changed, wanted)
	if outcome = t.outcome(said); outcome == asWithoutIt {
		if got := s.plain(said); got != t.answer || said.status != t.status {
			wrong = append(wrong, fmt.Sprintf("got %d %s, want 503 or %d %s", said.status, got, t.status, t.answer))
		}
		if !took {
			wrong = append(wrong, fmt.Sprintf("it says so, and (-said +found):\n%s", cmp.Diff(wanted, changed)))
		}
		return outcome, wrong
	}
	nothing := cmp.Equal(changed, t.change(t.before, t.before))
	if !took && !nothing && !(t.act.inSteps && accounted(before, after, changed.Entries)) {
		wrong = append(wrong, fmt.Sprintf("it was done in part (-all +found):\n%s", cmp.Diff(wanted, changed)))
	}
	if outcome == unavailing {
		wrong = append(wrong, unavailable(said)...)
		if t.mode == once && !strings.HasPrefix(t.point.place, "jwks:") { // no SDK, and no other try
			wrong = append(wrong, notMended)
		}
	}
	return outcome, wrong
}

func (t trial) outcome(said answer) string {
	switch {
	case said.status == http.StatusServiceUnavailable:
		return unavailing
	case t.act.trouble != "" && said.status == http.StatusOK && strings.Contains(string(said.raw), t.act.trouble):
		return inPart
	}
	return asWithoutIt
}

// change is what an act changed, as far as it must be all or nothing. A charge that
// could not be given back is looked at by itself.
func (t trial) change(before, after state) state {
	changed := difference(before, after)
	changed.InFlight = 0
	if t.act.quietly != nil {
		t.act.quietly(&changed)
	}
	if t.act.moreEntries {
		delete(changed.Entries, audit.PolicyChanged)
	}
	return changed
}

// accounted reports whether each change has its entry, and each entry its change.
func accounted(before, after state, more map[audit.Action]int) bool {
	there := more[audit.UserCreated]+more[audit.UserDeleted] == 1
	return (before.Role != after.Role) == there && (before.Locked && !after.Locked) == (more[audit.Unlock] == 1)
}

// difference is what changed: the new values, and the entries that are more.
func difference(before, after state) state {
	more := map[audit.Action]int{}
	for action, n := range after.Entries {
		if n != before.Entries[action] {
			more[action] = n - before.Entries[action]
		}
	}
	after.Entries = more
	return after
}

// unavailableAnswer is the one answer of every outage.
const unavailableAnswer = `{"type":"urn:portcullis:problem:unavailable","title":"Unavailable","status":503,` +
	`"detail":"Something that this service needs did not answer. Try again in a moment.","request_id":"*"}`

var requestID = regexp.MustCompile(`"request_id":"[^"]+"`)

// unavailable checks that an outage says nothing but that, whatever the password
// was.
func unavailable(a answer) (wrong []string) {
	if got := requestID.ReplaceAllString(string(a.raw), `"request_id":"*"`); got != unavailableAnswer {
		wrong = append(wrong, fmt.Sprintf("got the words %s", got))
	}
	got := slices.Sorted(maps.Keys(a.header))
	want := []string{"Cache-Control", "Content-Length", "Content-Type", "Date", "Retry-After", "X-Content-Type-Options", "X-Request-Id"}
	if !slices.Equal(got, want) || a.header.Get("Retry-After") != "5" {
		wrong = append(wrong, fmt.Sprintf("got the headers %v", a.header))
	}
	return wrong
}

// reclaimable checks that what is still charged is given back once it must be
// dead.
func (s *subject) reclaimable(ctx context.Context, is state) (wrong []string) {
	if is.InFlight == 0 {
		return nil
	}
	record, err := s.attempts.Read(ctx, s.key)
	if err != nil {
		return []string{err.Error()}
	}
	later := time.Now().Add(faultTimeout + lockout.ClockSkew)
	if _, err := s.attempts.Apply(ctx, s.key, lockout.Reclaim{
		Generation: record.Generation, ChargedAt: record.ChargedAt, DeadBefore: later,
	}); err != nil {
		return []string{err.Error()}
	}
	freed, err := s.attempts.Read(ctx, s.key)
	if err != nil || len(freed.InFlight) > 0 || freed.Charged != freed.Failed || freed.Failed != is.Failed {
		return []string{fmt.Sprintf("after the horizon there is %+v, %v", freed, err)}
	}
	return nil
}

// repeat does the act once more, without a fault.
func (t trial) repeat(ctx context.Context, b *bench, s *subject, was state) (wrong []string) {
	done := cmp.Equal(difference(t.before, was), difference(t.before, t.after))
	said, err := t.act.send(b, s)
	busy := err == nil && said.status == http.StatusServiceUnavailable
	for runs := 1; runs < patientRuns && err == nil && said.status == http.StatusServiceUnavailable; runs++ {
		said, err = t.act.send(b, s)
	}
	if err != nil {
		return []string{err.Error()}
	}
	want := []int{t.status}
	if t.act.again != 0 {
		want = append(want, t.act.again)
	}
	if !slices.Contains(want, said.status) && !(done && said.status < 500) {
		wrong = append(wrong, fmt.Sprintf("once more: got %s, want %v", said, want))
	}
	is, err := s.state(ctx)
	if err != nil {
		return append(wrong, err.Error())
	}
	if is.Locked && !t.after.Locked && !t.before.Locked && is.Failed < lockout.DefaultMaximum {
		wrong = append(wrong, fmt.Sprintf("once more: locked by %d failures", is.Failed))
	}
	if is.InFlight > 0 && !busy {
		wrong = append(wrong, fmt.Sprintf("once more: %d in flight", is.InFlight))
	}
	return wrong
}

// plain is an answer without what differs each time: names, times, ids, tokens,
// versions, and users and entries that are others'.
func (s *subject) plain(a answer) string {
	if a.body == nil {
		return string(a.raw)
	}
	for _, list := range []string{"users", "entries"} {
		if rows, ok := a.body[list].([]any); ok {
			a.body[list] = slices.DeleteFunc(slices.Clone(rows), func(row any) bool { return row.(map[string]any)["username"] != s.user.Username })
		}
	}
	text, err := json.Marshal(veiled(a.body))
	if err != nil {
		return err.Error()
	}
	return replaceAll(string(text), s.user.Username, "NAME", s.user.Client, "CLIENT")
}

// varying are the members that differ each time.
var varying = regexp.MustCompile(`^(current|.*_token|.*_at|at|id|lock_id|request_id|next_cursor|version|evidence)$`)

func veiled(value any) any {
	switch value := value.(type) {
	case map[string]any:
		plain := map[string]any{}
		for name, inner := range value {
			if plain[name] = veiled(inner); varying.MatchString(name) {
				plain[name] = "*"
			}
		}
		return plain
	case []any:
		plain := make([]any, len(value))
		for i, inner := range value {
			plain[i] = veiled(inner)
		}
		return plain
	}
	return value
}

package e2e_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/faults"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// onlyActs is for looking at one act more closely.
var onlyActs = flag.String("acts", "", "try faults on those acts alone whose names contain this `text`")

// benches is how many acts are tried at once. Most of their time they wait for
// an answer that does not come.
const benches = 16

// What may be wrong, and is not, on a machine that is too busy: so it is tried
// again this often.
const (
	notMended   = "another try would have mended it"
	notMet      = "the call was not made, so nothing was tried"
	patientRuns = 5
)

// mayBeBusy reports whether nothing is wrong that a busy machine does not explain.
func mayBeBusy(wrong []string) bool {
	return len(wrong) > 0 && !slices.ContainsFunc(wrong, func(w string) bool { return w != notMended && w != notMet })
}

// A point is one call that an act makes.
type point struct {
	function, place string
	nth             int
	stale           bool
}

// A mode is how long a fault lasts.
type mode string

const (
	once   mode = "once"          // the SDK's next try gets through
	always mode = "always"        // no try of the call gets through
	onward mode = "from there on" // and none of any call after it
)

// trials are the faults that each call meets: every kind, of which some last and
// some are mended by the SDK's next try.
var trials = []struct {
	kind faults.Kind
	mode mode
}{
	{faults.Refuse, always}, {faults.Spoil, always}, {faults.Hold, always},
	{faults.Reset, once}, {faults.Throttle, once}, {faults.Lose, once}, {faults.Slow, once}, {faults.Stale, once},
	{faults.Lose, onward},
}

// A trial is one fault at one call of one act.
type trial struct {
	*recording
	point point
	kind  faults.Kind
	mode  mode
}

func (t trial) String() string {
	return fmt.Sprintf("%s: %s of %s (%d), %s %s", t.act.name, t.point.place, t.point.function, t.point.nth, t.kind, t.mode)
}

// rule is the fault.
func (t trial) rule() faults.Rule {
	met := false
	return func(c faults.Call) faults.Kind {
		here := c.Function == t.point.function && c.Place() == t.point.place && c.Nth == t.point.nth
		met = met || here
		switch {
		case t.mode == once && here && c.Try == 1, t.mode == always && here, t.mode == onward && met:
			return t.kind
		}
		return faults.None
	}
}

// A recording is an act as it goes without a fault.
type recording struct {
	act           act
	points        []point
	answer        string
	status        int
	before, after state
}

// TestEveryCallOfEveryFunctionMayFail lists the calls that each act makes, and
// tries the act once more for each of them and each fault.
func TestEveryCallOfEveryFunctionMayFail(t *testing.T) {
	all := startBenches(t)
	acts := slices.DeleteFunc(slices.Concat(loginActs, otherActs), func(a act) bool { return !strings.Contains(a.name, *onlyActs) })
	recordings := record(t, all, acts)
	jobs := plan(recordings)
	results := &tallies{byTrial: map[string]int{}, covered: map[string]map[string]bool{}}
	work(all, jobs, func(b *bench, job trial) {
		wrong := b.run(t.Context(), job, results)
		for runs := 1; runs < patientRuns && mayBeBusy(wrong); runs++ {
			wrong = b.run(t.Context(), job, results)
		}
		if len(wrong) > 0 {
			t.Errorf("%s:\n\t%s", job, strings.Join(wrong, "\n\t"))
		}
	})
	results.log(t, recordings, len(jobs))
	if *onlyActs == "" {
		results.checkCovered(t)
	}
}

// startBenches starts one after the other: each makes a client of its own, and the
// first one the client demo.
func startBenches(t *testing.T) []*bench {
	stores := openBehind(t)
	var all []*bench
	for range benches {
		all = append(all, startBench(t, stores))
	}
	return all
}

// work gives each job to the next bench that is free.
func work[J any](all []*bench, jobs []J, do func(*bench, J)) {
	queue := make(chan J)
	var workers sync.WaitGroup
	for _, b := range all {
		workers.Go(func() {
			for job := range queue {
				do(b, job)
			}
		})
	}
	for _, job := range jobs {
		queue <- job
	}
	close(queue)
	workers.Wait()
}

// record does each act without a fault.
func record(t *testing.T, all []*bench, acts []act) []*recording {
	recordings := make([]*recording, len(acts))
	numbers := make([]int, len(acts))
	for i := range numbers {
		numbers[i] = i
	}
	work(all, numbers, func(b *bench, i int) {
		r, err := b.record(t.Context(), acts[i])
		for runs := 1; runs < patientRuns && err != nil; runs++ {
			r, err = b.record(t.Context(), acts[i])
		}
		if err != nil {
			t.Errorf("%s, without a fault: %v", acts[i].name, err)
		}
		recordings[i] = r
	})
	if t.Failed() {
		t.FailNow()
	}
	return recordings
}

func (b *bench) record(ctx context.Context, a act) (*recording, error) {
	s, err := b.stage(ctx, a)
	if err != nil {
		return nil, err
	}
	r := &recording{act: a}
	if r.before, err = s.state(ctx); err != nil {
		return nil, err
	}
	b.proxy.Take()
	said, err := a.send(b, s)
	if err != nil {
		return nil, err
	}
	for _, c := range b.proxy.Take() {
		p := point{c.Function, c.Place(), c.Nth, c.Stale}
		if c.Service == "jwks" {
			p.function = "" // it is no call of the SDK, which tells the function
		}
		if !slices.Contains(r.points, p) {
			r.points = append(r.points, p)
		}
	}
	r.status, r.answer = said.status, s.plain(said)
	if r.after, err = s.state(ctx); err != nil {
		return nil, err
	}
	if said.status >= http.StatusInternalServerError {
		return nil, fmt.Errorf("got %s", said)
	}
	return r, nil
}

// stage makes everything ready for an act.
func (b *bench) stage(ctx context.Context, a act) (*subject, error) {
	s, err := b.make(ctx, a.making)
	if err == nil && a.admin {
		err = b.renewToken()
	}
	if err == nil && b.maximum != a.maximum {
		err = b.setMaximum(ctx, a.maximum)
	}
	if err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	if a.sets {
		b.maximum = -1
	}
	return s, nil
}

// reads are calls that change nothing. One that several acts make is tried in the
// first readActs of them.
var reads = regexp.MustCompile(`:(Get|BatchGet|Query|Describe|AdminListGroups)`)

const readActs = 2

// plan returns every fault at every call of every act.
func plan(recordings []*recording) []trial {
	var jobs []trial
	tried := map[point]int{}
	for _, r := range recordings {
		for _, p := range r.points {
			if tried[p]++; reads.MatchString(p.place) && tried[p] > readActs {
				continue
			}
			for _, t := range trials {
				if t.kind != faults.Stale || p.stale {
					jobs = append(jobs, trial{r, p, t.kind, t.mode})
				}
			}
		}
	}
	return jobs
}

// run tries one fault, and returns what is wrong with what came of it.
func (b *bench) run(ctx context.Context, job trial, results *tallies) (wrong []string) {
	s, err := b.stage(ctx, job.act)
	if err != nil {
		return []string{err.Error()}
	}
	before, err := s.state(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	if job.kind == faults.Stale { // the answer from before is that to the same act
		if _, err := job.act.send(b, s); err != nil {
			return []string{err.Error()}
		}
	}
	b.proxy.Take()
	b.proxy.Inject(job.rule())
	said, err := job.act.send(b, s)
	b.proxy.Inject(nil)
	calls := b.proxy.Take()
	if err != nil {
		return []string{err.Error()}
	}
	met := slices.ContainsFunc(calls, func(c faults.Call) bool { return c.Fault != faults.None })
	if !met && job.kind != faults.Stale {
		wrong = append(wrong, notMet)
	}
	if job.kind == faults.Stale {
		results.add(job, "stale", calls)
		if said.status == http.StatusServiceUnavailable {
			wrong = append(wrong, notMended)
		}
		return wrong
	}
	after, err := s.state(ctx)
	if err != nil {
		return append(wrong, err.Error())
	}
	outcome, faulty := job.judge(s, said, before, after)
	results.add(job, outcome, calls)
	wrong = append(wrong, faulty...)
	wrong = append(wrong, s.reclaimable(ctx, after)...)
	return append(wrong, job.repeat(ctx, b, s, after)...)
}

// judge compares the answer and what the stores hold with the act as it goes
// without a fault.
func (t trial) judge(s *subject, said answer, before, after state) (outcome string, wrong []string) {
	changed := difference(before, after)
	wanted := difference(t.before, t.after)
	if t.act.quietly != nil {
		t.act.quietly(&changed)
		t.act.quietly(&wanted)
	}
	changed.InFlight, wanted.InFlight = 0, 0
	none := difference(t.before, t.before)
	if t.act.quietly != nil {
		t.act.quietly(&none)
	}
	if t.act.moreEntries {
		for _, d := range []*state{&changed, &wanted, &none} {
			delete(d.Entries, audit.PolicyChanged)
		}
	}
	took, nothing := cmp.Equal(changed, wanted), cmp.Equal(changed, none)
	switch {
	case said.status == http.StatusServiceUnavailable:
		outcome = "unavailable"
		if !took && !nothing && !(t.act.inSteps && accounted(before, after, changed.Entries)) {
			wrong = append(wrong, fmt.Sprintf("it was done in part (-all +found):\n%s", cmp.Diff(wanted, changed)))
		}
		wrong = append(wrong, unavailable(said)...)
		if t.mode == once && t.kind != faults.Hold && !strings.HasPrefix(t.point.place, "jwks:") { // no SDK, and no other try
			wrong = append(wrong, notMended)
		}
	case t.act.trouble != "" && said.status == http.StatusOK && strings.Contains(string(said.raw), t.act.trouble):
		outcome = "told in part"
		if !took && !nothing && !(t.act.inSteps && accounted(before, after, changed.Entries)) {
			wrong = append(wrong, fmt.Sprintf("it was done in part (-all +found):\n%s", cmp.Diff(wanted, changed)))
		}
	default:
		outcome = "as without a fault"
		if got := s.plain(said); got != t.answer || said.status != t.status {
			wrong = append(wrong, fmt.Sprintf("got %d %s, want 503 or %d %s", said.status, got, t.status, t.answer))
		}
		if !took {
			wrong = append(wrong, fmt.Sprintf("it says so, and (-said +found):\n%s", cmp.Diff(wanted, changed)))
		}
	}
	return outcome, wrong
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

package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"portcullis/infra/faults"
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

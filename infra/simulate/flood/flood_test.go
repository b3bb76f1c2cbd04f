package flood_test

import (
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/simulate/flood"
	"portcullis/internal/lockout"
)

const plenty = 1_000_000

// roomy are limits that these small scenarios do not meet, without chance in the
// latencies.
func roomy() flood.Limits {
	l := flood.Defaults()
	l.LoginRate, l.LoginBurst, l.LoginConcurrency, l.LoginsPerAddress = plenty, plenty, 2_000, plenty
	l.AccountRate, l.AccountBurst, l.AccountConcurrency = plenty, plenty, 3_000
	l.EnvironmentsAtOnce, l.RequestsPerEnvironment = plenty, plenty
	l.PartitionWrites, l.PartitionReads = plenty, plenty
	l.MintRate, l.AppClientRate, l.ParameterRate = plenty, plenty, plenty
	l.Store = flood.Latency{Median: 5 * time.Millisecond}
	l.Mint = flood.Latency{Median: 60 * time.Millisecond}
	l.SSM, l.Init = flood.Latency{Median: 20 * time.Millisecond}, flood.Latency{Median: 100 * time.Millisecond}
	return l
}

// people are honest and never mistype.
func people(rate float64, users int) flood.Scenario {
	return flood.Scenario{
		Name: "people", Duration: 10 * time.Second, Users: users, Patience: 1,
		Streams: []flood.Stream{{Rate: rate, Honest: true, Right: 1, Users: users, Addresses: 1}},
	}
}

// guessers only guess, at few users.
func guessers(rate float64, users int) flood.Scenario {
	s := people(rate, users)
	s.Streams[0].Honest, s.Streams[0].Right = false, 0
	return s
}

func simulate(t *testing.T, s flood.Scenario, l flood.Limits) flood.Result {
	t.Helper()
	return simulateSeed(t, s, l, 1)
}

func simulateSeed(t *testing.T, s flood.Scenario, l flood.Limits, seed uint64) flood.Result {
	t.Helper()
	r, err := flood.Simulate(s, l, seed, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWithRoomEverybodyGetsIn(t *testing.T) {
	r := simulate(t, people(50, plenty/10), roomy())
	if r.Ends[200] != r.People || len(r.Met) != 0 {
		t.Errorf("got %d of %d in, and met %v", r.Ends[200], r.People, r.Met)
	}
	// One round trip, one hash, one round trip, one call for the tokens.
	if want := 5*time.Millisecond + roomy().Hash + 5*time.Millisecond + 60*time.Millisecond; r.P50 != want {
		t.Errorf("half of the people wait %s, want %s", r.P50, want)
	}
}

// Each limit, made small, is what a scenario meets first; with room it meets none.
func TestALimitThatIsLowerIsFullFirst(t *testing.T) {
	half := people(60, 10_000)
	once := func(s flood.Scenario) flood.Scenario { s.Streams[0].Users = 1; return s }
	tests := map[flood.Limit]struct {
		scenario flood.Scenario
		lower    func(*flood.Limits)
	}{
		flood.LimitFirewall:        {longer(half), func(l *flood.Limits) { l.LoginsPerAddress = 50 }},
		flood.LimitAccountRate:     {half, func(l *flood.Limits) { l.AccountRate, l.AccountBurst = 10, 10 }},
		flood.LimitLoginRate:       {half, func(l *flood.Limits) { l.LoginRate, l.LoginBurst = 10, 10 }},
		flood.LimitConcurrency:     {half, func(l *flood.Limits) { l.LoginConcurrency = 2 }},
		flood.LimitEnvironmentRate: {half, func(l *flood.Limits) { l.LoginConcurrency, l.RequestsPerEnvironment = 100, 0.1 }},
		flood.LimitScaling:         {half, func(l *flood.Limits) { l.EnvironmentsPerSecond, l.EnvironmentsAtOnce = 0.1, 1 }},
		flood.LimitAttempts:        {half, func(l *flood.Limits) { l.TableWrites, l.PartitionWrites = 20, 20 }},
		flood.LimitUsers:           {half, func(l *flood.Limits) { l.PartitionReads = 10 }},
		flood.LimitMint:            {half, func(l *flood.Limits) { l.MintRate = 10 }},
		flood.LimitAppClient:       {half, func(l *flood.Limits) { l.AppClientRate = 1 }},
		flood.LimitParameters:      {half, func(l *flood.Limits) { l.ParameterRate = 1 }},
		flood.LimitInFlight:        {once(people(100, 1)), func(l *flood.Limits) { l.Hash = 2 * time.Second }},
		// A table of attempts on very many partitions, and the trail on one.
		flood.LimitAudit: {guessers(800, 400), func(l *flood.Limits) { l.PartitionWrites, l.TableWrites = 40, 40_000 }},
	}
	for limit, test := range tests {
		t.Run(string(limit), func(t *testing.T) {
			if limit != flood.LimitInFlight && limit != flood.LimitAudit {
				if r := simulate(t, test.scenario, roomy()); len(r.Met) != 0 {
					t.Errorf("with room, it meets %v", r.Met)
				}
			}
			l := roomy()
			test.lower(&l)
			r := simulate(t, test.scenario, l)
			if len(r.Met) == 0 || r.Met[0].Limit != limit {
				t.Errorf("it meets %v, want %q first", r.Met, limit)
			}
			isSound(t, r)
		})
	}
}

// longer makes a scenario long enough for the firewall to look and to act.
func longer(s flood.Scenario) flood.Scenario {
	s.Duration = time.Minute
	return s
}

// The rule holds in the simulation, also where calls are throttled, given back
// and taken back.
func TestTheRuleHoldsInAFlood(t *testing.T) {
	tight := roomy()
	tight.LoginConcurrency, tight.PartitionWrites, tight.TableWrites = 200, 40, 160
	mixed := guessers(100, 50)
	mixed.Streams = append(mixed.Streams, flood.Stream{Rate: 20, Honest: true, Right: 1, Users: 50, Addresses: 1})
	mixed.Duration = 45 * time.Second // beyond the age at which a charge is dead
	unknown := guessers(300, 50)
	unknown.Streams[0].Unknown = true
	for name, test := range map[string]struct {
		scenario flood.Scenario
		limits   flood.Limits
	}{
		"one user":                        {guessers(500, 1), roomy()},
		"a flood with the owners in it":   {mixed, roomy()},
		"on tables that throttle":         {mixed, tight},
		"at names that nobody has":        {unknown, roomy()},
		"at names that nobody has, tight": {unknown, tight},
	} {
		t.Run(name, func(t *testing.T) {
			r := simulate(t, test.scenario, test.limits)
			if r.MostCompared > lockout.DefaultMaximum || r.MostWrong > lockout.DefaultMaximum {
				t.Errorf("got %d compared and %d wrong verdicts in one budget, want %d at most", r.MostCompared, r.MostWrong, lockout.DefaultMaximum)
			}
			if r.MostCompared == 0 || r.Locked == 0 {
				t.Errorf("got %d compared and %d locked; nothing was tried", r.MostCompared, r.Locked)
			}
			const often = 100
			if n := met(r, flood.LimitAttempts); test.limits.TableWrites == tight.TableWrites && n < often {
				t.Errorf("the tables throttled %d times, want %d at least", n, often)
			}
			isSound(t, r)
		})
	}
}

// isSound checks what must be so of every run: each request has one answer, each
// person one end, and environments are at work as long as requests take.
func isSound(t *testing.T, r flood.Result) {
	t.Helper()
	answers, ends := 0, 0
	for _, of := range r.Statuses {
		for _, n := range of {
			answers += n
		}
	}
	for _, n := range r.Ends {
		ends += n
	}
	if r.Open != 0 || answers != r.Requests || ends != r.People {
		t.Errorf("got %d answers to %d requests, %d open, and %d ends of %d people", answers, r.Requests, r.Open, ends, r.People)
	}
	if math.Abs(r.Busy-r.Little) > 1e-6 {
		t.Errorf("%v environments work on the mean, and Little's law wants %v", r.Busy, r.Little)
	}
}

func TestTheSeedDecidesEverything(t *testing.T) {
	s, l := people(300, 20), flood.Defaults()
	first := simulateSeed(t, s, l, 7)
	if diff := cmp.Diff(first, simulateSeed(t, s, l, 7)); diff != "" {
		t.Errorf("the same seed twice (-first +second):\n%s", diff)
	}
	if cmp.Equal(first, simulateSeed(t, s, l, 8)) {
		t.Error("another seed gives the same")
	}
}

func TestMoreOfWhatIsShortLetsMoreIn(t *testing.T) {
	s := people(400, plenty/10)
	last := -1
	for _, rate := range []int{50, 100, 200} {
		l := roomy()
		l.LoginRate, l.LoginBurst = rate, rate
		r := simulate(t, s, l)
		if in := r.Ends[200]; in <= last || in > rate*11 {
			t.Errorf("at %d/s %d got in, after %d before", rate, in, last)
		}
		last = r.Ends[200]
	}
}

func TestAnHonestPersonComesBackAsTheAnswerAsks(t *testing.T) {
	s, l := people(30, 10_000), roomy()
	l.LoginRate, l.LoginBurst = 20, 20
	once := simulate(t, s, l)
	s.Patience = 5
	patient := simulate(t, s, l)
	if patient.Requests <= patient.People || patient.Ends[200] <= once.Ends[200] {
		t.Errorf("got %d in by %d requests, and %d without patience", patient.Ends[200], patient.Requests, once.Ends[200])
	}
	if patient.P99 < 2500*time.Millisecond { // a pause of 5 s, give or take half
		t.Errorf("who came back waited %s, less than they were asked to", patient.P99)
	}
}

func TestAHotPartitionIsSplitInTime(t *testing.T) {
	l := roomy()
	l.TableWrites, l.PartitionWrites = 150, 150 // 200/s are written
	slow, quick := l, l
	slow.SplitAfter, quick.SplitAfter = time.Minute, time.Second
	s := people(100, 10_000)
	if a, b := met(simulate(t, s, slow), flood.LimitAttempts), met(simulate(t, s, quick), flood.LimitAttempts); b >= a/2 {
		t.Errorf("throttled %d times, and %d with a split", a, b)
	}
	one := people(100, 1)
	one.Streams[0].Users = 1
	quick.PartitionWrites, quick.TableWrites = 20, 20
	slow.PartitionWrites, slow.TableWrites = 20, 20
	if a, b := met(simulate(t, one, slow), flood.LimitAttempts), met(simulate(t, one, quick), flood.LimitAttempts); b < a/2 {
		t.Errorf("one item is throttled %d times, and %d with splits that cannot help", a, b)
	}
}

func met(r flood.Result, l flood.Limit) int {
	for _, m := range r.Met {
		if m.Limit == l {
			return m.Times
		}
	}
	return 0
}

func TestTheFirewallBlocksAfterItsDelayAndNoMoreThanItCan(t *testing.T) {
	s, l := longer(guessers(60, 100)), roomy()
	s.Streams[0].Addresses = 4
	l.LoginsPerAddress = 30
	all := simulate(t, s, l)
	l.FirewallAddresses = 2
	half := simulate(t, s, l)
	blocked := func(r flood.Result) float64 { return float64(r.Statuses[false][403]) / float64(r.Requests) }
	// It looks after 10 s and acts 30 s later: a third of the minute is left.
	if got := blocked(all); got < 0.30 || got > 0.36 {
		t.Errorf("%.2f of the requests were blocked, want a third", got)
	}
	if got := blocked(half); got < 0.15 || got > 0.18 {
		t.Errorf("%.2f of the requests were blocked, want a sixth", got)
	}
}

// A charge whose attempt died gives its place back at the age that package
// lockout says, although the simulation lends the gate another lifetime.
func TestADeadChargeIsTakenBackWhenItIsDue(t *testing.T) {
	s := people(10, 1)
	s.Duration = time.Minute
	dead := lockout.Record{Charged: 5, ChargedAt: flood.Epoch(), InFlight: []string{"a", "b", "c", "d", "e"}}
	r := flood.SimulateFrom(s, roomy(), 1, 0, dead)
	due := roomy().Lifetime + lockout.ClockSkew
	early := r.Ends[429]
	// An attempt waits 0.84 s for a place, so the first that gets one came a little
	// before it is due.
	want := 10 * due.Seconds()
	if math.Abs(float64(early)-want) > 0.15*want || r.Ends[200] == 0 {
		t.Errorf("got %d busy before the charges were dead, want about %.0f, and %d in after", early, want, r.Ends[200])
	}
}

// The waits are those of package environ, which tests the same numbers.
func TestTheWaitsBetweenTriesAreThoseOfTheFunctions(t *testing.T) {
	for i, want := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 400 * time.Millisecond} {
		waits := flood.Backoffs(i+1, 1000)
		if got := slices.Max(waits); got > want || got < want*9/10 {
			t.Errorf("after try %d the longest wait is %s, want up to %s", i+1, got, want)
		}
		if got := slices.Min(waits); got < 0 || got > want/10 {
			t.Errorf("after try %d the shortest wait is %s, want it at random from 0", i+1, got)
		}
	}
}

func TestARunIsNoLongerThanTheFirewallsWindow(t *testing.T) {
	s := people(1, 1)
	s.Duration = flood.Defaults().FirewallWindow + 1
	if _, err := flood.Simulate(s, flood.Defaults(), 1, io.Discard); err == nil {
		t.Error("it was run")
	}
}

func TestEveryFactHasASource(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range flood.Defaults().Facts() {
		if f.Name == "" || f.Value == "" || f.Source == "" || seen[f.Name] {
			t.Errorf("got %+v, want each once, with a value and a source", f)
		}
		seen[f.Name] = true
	}
}

package flood

import (
	"maps"
	"slices"
	"time"
)

// A Limit is what a request can meet.
type Limit string

// The limits, from the outside in.
const (
	LimitFirewall        Limit = "firewall's LoginsPerAddress"
	LimitAccountRate     Limit = "account's gateway rate"
	LimitLoginRate       Limit = "gateway's LoginRate"
	LimitConcurrency     Limit = "LoginConcurrency"
	LimitEnvironmentRate Limit = "requests of an environment"
	LimitScaling         Limit = "Lambda's scaling rate"
	LimitAttempts        Limit = "a partition of attempts"
	LimitUsers           Limit = "the client's partition of users"
	LimitAudit           Limit = "the client's partition of the trail"
	LimitIndex           Limit = "the client's partition of locked-users"
	LimitInFlight        Limit = "a user's budget in flight"
	LimitMint            Limit = "Cognito's UserAuthentication"
	LimitAppClient       Limit = "Cognito's UserPoolClientRead"
	LimitParameters      Limit = "Parameter Store's GetParameter"
)

// A Meeting is how often a limit was met: a request refused, or a call throttled.
type Meeting struct {
	Limit Limit
	First time.Duration
	Times int
}

// charge is whom and in which generation an attempt was charged.
type charge struct {
	user       int
	generation int64
}

// A tally counts what happens.
type tally struct {
	met      map[Limit]*Meeting
	requests int
	open     int
	statuses map[bool]map[int]int // of all requests, by whether they were honest
	visitors int                  // honest
	ends     map[int]int          // by the last status that an honest visitor got
	waits    []time.Duration      // from the first try of an honest visitor to the welcome
	compares map[charge]int
	wrong    map[charge]int
	hashes   int
}

func newTally() *tally {
	return &tally{
		met: map[Limit]*Meeting{}, statuses: map[bool]map[int]int{true: {}, false: {}}, ends: map[int]int{},
		compares: map[charge]int{}, wrong: map[charge]int{},
	}
}

func (t *tally) meet(l Limit, at time.Duration) {
	m := t.met[l]
	if m == nil {
		m = &Meeting{Limit: l, First: at}
		t.met[l] = m
	}
	m.Times++
}

func (t *tally) came(who visitor) {
	t.requests++
	t.open++
	if who.honest && who.tries == 1 {
		t.visitors++
	}
}

func (t *tally) answered(who visitor, status int) {
	t.open--
	t.statuses[who.honest][status]++
}

func (t *tally) left(who visitor, status int, now time.Duration) {
	if !who.honest {
		return
	}
	t.ends[status]++
	if status == statusWelcome {
		t.waits = append(t.waits, now-who.since)
	}
}

func (t *tally) compare(user int, generation int64) {
	t.compares[charge{user, generation}]++
	t.hashes++
}

func (t *tally) spoke(user int, generation int64) { t.wrong[charge{user, generation}]++ }

// unheard takes back what was compared for nobody: an attempt without a verdict
// gives its place back.
func (v *visit) unheard() {
	if v.compared {
		v.compares[charge{v.user, v.generation}]--
	}
}

// A Result is what a run came to.
type Result struct {
	Met      []Meeting // by when they were first met
	Requests int
	Open     int                  // without an answer, which is none
	Statuses map[bool]map[int]int // of the requests, by whether they were honest
	People   int                  // honest ones who came
	Ends     map[int]int          // the last status that each of them got
	P50, P99 time.Duration        // of those who got in, from their first try
	Compared int
	// The most that one user had in one generation: passwords compared whose
	// verdict was heard, and wrong verdicts.
	MostCompared, MostWrong int
	Locked                  int // users, at the end
	// For Little's law: environments at work on the mean, and requests a second
	// times their mean time.
	Busy, Little float64
	Environments int
}

func (r *Run) result() Result {
	r.pool.count(r.now, 0)
	slices.Sort(r.waits)
	met := make([]Meeting, 0, len(r.met))
	for _, m := range r.met {
		met = append(met, *m)
	}
	slices.SortFunc(met, func(a, b Meeting) int {
		if a.First != b.First {
			return int(a.First - b.First)
		}
		return b.Times - a.Times
	})
	locked := 0
	for _, record := range r.records {
		if record.Locked() {
			locked++
		}
	}
	return Result{
		Met: met, Requests: r.requests, Open: r.open, Statuses: r.statuses, People: r.visitors, Ends: r.ends,
		P50: quantile(r.waits, 0.5), P99: quantile(r.waits, 0.99), Compared: r.hashes,
		MostCompared: most(r.compares), MostWrong: most(r.wrong), Locked: locked,
		Busy: r.pool.integral / r.now.Seconds(), Little: r.pool.served / r.now.Seconds(), Environments: len(r.pool.idle),
	}
}

func most(of map[charge]int) int {
	if len(of) == 0 {
		return 0
	}
	return slices.Max(slices.Collect(maps.Values(of)))
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

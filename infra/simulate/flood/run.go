package flood

import (
	"fmt"
	"io"
	"strings"
	"time"

	"portcullis/infra/cost/bill"
	"portcullis/internal/lockout"
)

// The answers. The gateway says 403 for the firewall, and 503 for its throttle and
// for a function that may not run.
const (
	statusWelcome     = 200
	statusWrong       = 401
	statusBlocked     = 403
	statusLocked      = 423
	statusBusy        = 429
	statusUnavailable = 503
)

// A Run is one simulation: a scenario under limits.
type Run struct {
	*engine
	*tally
	limits   Limits
	scenario Scenario
	maximum  int
	shape    bill.Shape

	firewall          *firewall
	account, method   *bucket
	pool              *pool
	attempts, people  *table // people are the users
	audit, index      *table
	minted, appClient *bucket
	parameters        *bucket
	records           map[int]lockout.Record // of users who were tried
	userAgent         string
	ids               int
	progress          io.Writer
}

// A visitor is one who sends a login, with what they send.
type visitor struct {
	honest  bool
	right   bool // the password
	known   bool // there is such a user
	user    int
	address int
	tries   int
	since   time.Duration // the first try
	key     lockout.Key
	place   float64 // of the record, by the hash of its key
	spot    float64 // among the client's users, by name
}

// Simulate runs a scenario under limits. The same seed gives the same result.
// progress is told how far it is.
func Simulate(s Scenario, l Limits, seed uint64, progress io.Writer) (Result, error) {
	if s.Duration > l.FirewallWindow {
		return Result{}, fmt.Errorf("a run may last %s, the window of the firewall's rule", l.FirewallWindow)
	}
	r := newRun(s, l, seed, progress)
	r.run()
	return r.result(), nil
}

// run lets everybody come, and ends when the last has their answer.
func (r *Run) run() {
	s, l := r.scenario, r.limits
	for i := range s.Streams {
		r.stream(&s.Streams[i], s.firstAddress(i))
	}
	r.after(l.FirewallCheck, func() { r.firewall.look(r.engine, s.Duration) })
	r.after(progressStep, r.report)
	for r.step() {
	}
}

func newRun(s Scenario, l Limits, seed uint64, progress io.Writer) *Run {
	const userAgent = 120
	return &Run{
		engine: newEngine(seed), tally: newTally(), limits: l, scenario: s, maximum: lockout.DefaultMaximum,
		shape:    bill.Shape{Key: len(keyOf(0).String()), Client: len("acme"), SourceIP: 13, UserAgent: userAgent, RequestID: 36},
		firewall: newFirewall(l, s.firstAddress(len(s.Streams))),
		account:  newBucket(l.AccountRate, l.AccountBurst), method: newBucket(float64(l.LoginRate), float64(l.LoginBurst)),
		pool:     newPool(l),
		attempts: newTable(l, int(l.TableWrites/l.PartitionWrites)), people: newTable(l, l.UserPartitions),
		audit: newTable(l, 1), index: newTable(l, l.UserPartitions),
		minted: newBucket(l.MintRate, l.MintRate), appClient: newBucket(l.AppClientRate, l.AppClientRate),
		parameters: newBucket(l.ParameterRate, l.ParameterRate),
		records:    map[int]lockout.Record{}, userAgent: strings.Repeat("a", userAgent),
		progress: progress,
	}
}

// newID returns an attempt's id, as long as a ULID.
func (r *Run) newID() string {
	r.ids++
	return fmt.Sprintf("%026d", r.ids)
}

// stream lets the visitors of a stream come until the scenario ends.
func (r *Run) stream(s *Stream, firstAddress int) {
	var next func()
	next = func() {
		if r.now >= r.scenario.Duration {
			return
		}
		r.arrive(r.visitor(s, firstAddress))
		r.after(r.exponential(s.Rate), next)
	}
	r.after(r.exponential(s.Rate), next)
}

func (r *Run) visitor(s *Stream, firstAddress int) visitor {
	user := s.FirstUser + r.random.IntN(s.Users)
	return visitor{
		honest: s.Honest, right: r.random.Float64() < s.Right, known: !s.Unknown, user: user, since: r.now,
		address: firstAddress + r.random.IntN(s.Addresses),
		place:   placeOf(user), spot: float64(user) / float64(r.scenario.Users),
	}
}

// placeOf spreads users over the attempts as the hash of a key does.
func placeOf(user int) float64 {
	x := uint64(user)*0x9e3779b97f4a7c15 + 0x632be59bd9b4e019
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}

// arrive sends a visitor's request through the edge.
func (r *Run) arrive(who visitor) {
	who.tries++
	r.came(who)
	switch {
	case !r.took(LimitFirewall, r.firewall.let(who.address)):
		r.answer(who, statusBlocked)
	case !r.took(LimitAccountRate, r.account.take(r.now, 1)), !r.took(LimitLoginRate, r.method.take(r.now, 1)):
		r.answer(who, statusUnavailable)
	default:
		r.invoke(who)
	}
}

func (r *Run) invoke(who visitor) {
	env, met := r.pool.start(r.now)
	if env == nil {
		r.hit(met)
		r.answer(who, statusUnavailable)
		return
	}
	who.key = keyOf(who.user)
	began := r.now
	r.visit(who, env, func(status int) {
		r.pool.end(r.now, env, r.now-began)
		r.answer(who, status)
	})
}

// took notes a limit that was met.
func (r *Run) took(l Limit, ok bool) bool {
	if !ok {
		r.hit(l)
	}
	return ok
}

func (r *Run) hit(l Limit) { r.meet(l, r.now) }

// The pauses that the answers ask for, and how far people differ from them.
const (
	pauseBusy        = time.Second
	pauseUnavailable = 5 * time.Second
)

// answer gives a visitor their answer. An honest one comes back after a 429 or
// 503, as it asks, until their patience ends.
func (r *Run) answer(who visitor, status int) {
	r.answered(who, status)
	again := time.Duration(0)
	switch status {
	case statusBusy:
		again = pauseBusy
	case statusUnavailable:
		again = pauseUnavailable
	}
	if !who.honest || again == 0 || who.tries >= r.scenario.Patience {
		r.left(who, status, r.now)
		return
	}
	r.after(time.Duration(float64(again)*(0.5+r.random.Float64())), func() { r.arrive(who) })
}

const progressStep = 10 * time.Second

func (r *Run) report() {
	fmt.Fprintf(r.progress, "  %3.0f s of %3.0f: %d requests\n", r.now.Seconds(), r.scenario.Duration.Seconds(), r.requests)
	if r.now+progressStep <= r.scenario.Duration {
		r.after(progressStep, r.report)
	}
}

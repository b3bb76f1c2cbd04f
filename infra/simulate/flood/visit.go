package flood

import (
	"context"
	"fmt"
	"iter"
	"time"

	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// A visit is one request inside the function. It is everything that the gate
// asks: its stores, its clock, its maximum and its credential. All of that runs
// in the visit's coroutine but for [visit.Credential], which only returns.
type visit struct {
	*Run
	visitor
	env        *environment
	yield      func(time.Duration) bool
	resume     func()
	began      time.Duration
	deadline   time.Duration // of the gate's context, in virtual time
	generation int64         // of the charge
	compared   bool
	read       reading
}

// A reading is the read of the user, which runs beside the charge.
type reading struct {
	begun, done, failed, awaited bool
}

// parked is yielded by a visit that somebody else resumes.
const parked time.Duration = -1

// visit runs a request to its end in virtual time and then calls answered.
func (r *Run) visit(who visitor, env *environment, answered func(status int)) {
	v := &visit{Run: r, visitor: who, env: env, began: r.now}
	v.deadline = r.now + r.limits.Lifetime - gateReserve
	status := 0
	next, _ := iter.Pull(func(yield func(time.Duration) bool) {
		v.yield = yield
		status = v.handle()
	})
	v.resume = func() {
		d, more := next()
		switch {
		case !more:
			answered(status)
		case d != parked:
			r.after(d, v.resume)
		}
	}
	v.resume()
}

// gateReserve is what the gate keeps of its lifetime for the end, and
// gateCleanup the time that a refund has: reserve and cleanupTime of package
// lockout.
const (
	gateReserve = gateCleanup + 250*time.Millisecond
	gateCleanup = 750 * time.Millisecond
)

// pass lets time pass.
func (v *visit) pass(d time.Duration) { v.yield(max(0, d)) }

// handle is the login function.
func (v *visit) handle() int {
	if !v.env.warm {
		v.pass(v.latency(v.limits.Init))
		v.env.warm = true
	}
	verdict, err := v.attempt()
	v.awaitRead()
	if err != nil {
		v.unheard()
		return statusUnavailable
	}
	switch verdict.Ruling {
	case lockout.Welcome:
		return v.mint()
	case lockout.Wrong:
		v.spoke(v.user, v.generation)
		return statusWrong
	case lockout.Busy:
		v.hit(LimitInFlight)
		return statusBusy
	}
	return statusLocked
}

// attempt goes through the real gate.
func (v *visit) attempt() (lockout.Verdict[*visit], error) {
	gate := &lockout.Gate[*visit]{
		Attempts: v, Glance: v, Credentials: v, Maximums: v, Clock: v, NewID: v.newID, Jitter: v.random.Float64,
		Lifetime: v.limits.Lifetime + shift,
	}
	return gate.Attempt(context.Background(), lockout.Attempt{
		Key: v.key, SourceIP: "203.0.113.255", UserAgent: v.userAgent, RequestID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
	})
}

// shift is what the gate's lifetime is longer by than it should be, so that no
// timer of its contexts, which go by the machine's clock, fires in an attempt.
// What the lifetime means is kept in virtual time: the deadline by the visit, and
// the age at which a charge is dead by showing the gate charges that are older by
// as much; see [visit.Apply].
const shift = time.Hour

// call makes a call of AWS as the functions do: again after a throttled one, with
// growing waits, as long as there is time. take says whether AWS does it.
func (v *visit) call(l Latency, until time.Duration, take func() bool) error {
	for try := 1; ; try++ {
		done := take()
		v.pass(v.latency(l))
		switch {
		case done && v.now <= until:
			return nil
		case done || try == v.limits.SendTries:
			return errThrottled
		}
		wait := v.backoff(try)
		if v.now+wait >= until {
			v.pass(until - v.now)
			return errThrottled
		}
		v.pass(wait)
	}
}

var errThrottled = fmt.Errorf("throttled: %w", lockout.ErrUnavailable)

// How often the functions have a call tried, and the longest waits between two
// tries, after the first one and after any: sendTries, firstWait and longestWait
// of package environ. A test of package infra compares them.
const (
	sendTries   = 4
	firstWait   = 100 * time.Millisecond
	longestWait = 400 * time.Millisecond
)

// longestBackoff returns the longest wait after a try, counted from 1.
func longestBackoff(try int) time.Duration {
	return min(longestWait, firstWait<<min(try-1, sendTries))
}

// backoff is what a function waits after a try, counted from 1.
func (e *engine) backoff(try int) time.Duration {
	return time.Duration(e.random.Float64() * float64(longestBackoff(try)))
}

// until is when the gate's context ends that a call is made in: the attempt's own,
// or after it the one for cleaning up.
func (v *visit) until() time.Duration {
	if v.now < v.deadline {
		return v.deadline
	}
	return v.now + gateCleanup
}

// Now returns the virtual time.
func (v *visit) Now() time.Time { return epoch.Add(v.now) }

var epoch = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC) // a Monday morning

// Sleep lets time pass, as long as the attempt has any.
func (v *visit) Sleep(_ context.Context, d time.Duration) error {
	if v.now+d >= v.deadline {
		v.pass(v.deadline - v.now)
		return context.DeadlineExceeded
	}
	v.pass(d)
	return nil
}

// How long a process believes in the maximum, and how long a look at it may take,
// also while there is none: freshTime, freshSpread, failurePause, flightTime and
// firstFlightTime of package policy. The same test compares them.
const (
	policyFresh       = 30 * time.Second
	policySpread      = 0.2
	policyPause       = 5 * time.Second
	policyFlight      = 2 * time.Second
	policyFirstFlight = 4 * time.Second
)

// Maximum returns the client's maximum. A stale one costs a read of the client
// and one of the parameter; if these fail the last one serves, which is the same.
func (v *visit) Maximum(context.Context, string) int {
	if v.now >= v.env.policy {
		v.env.policy = v.look()
	}
	return v.maximum
}

// look looks at the maximum, and returns until when what the process knows of it
// then serves: 0 where it knows nothing still, since nobody can say whether the
// client exists.
func (v *visit) look() time.Duration {
	known := v.env.policy > 0
	until := v.now + v.flight(known)
	exists := func() bool { return v.took(LimitUsers, v.people.read(v.now, 0, 1)) }
	err := v.call(v.limits.Store, until, exists)
	if err != nil && !known {
		return 0
	}
	if err != nil || v.call(v.limits.SSM, until, v.parameter) != nil {
		return v.now + policyPause
	}
	return v.now + time.Duration(float64(policyFresh)*(1-policySpread+2*policySpread*v.random.Float64()))
}

// flight returns how long a look may take: the first one up to half of the time
// that the attempt has.
func (v *visit) flight(known bool) time.Duration {
	if known {
		return policyFlight
	}
	return min(policyFirstFlight, max(0, v.deadline-v.now)/2)
}

// mint begins a session: with the secrets, which are read the first time.
func (v *visit) mint() int {
	until := v.began + v.limits.Lifetime
	if !v.env.secrets {
		if v.call(v.limits.SSM, until, v.parameter) != nil {
			return statusUnavailable
		}
		ask := func() bool { return v.took(LimitAppClient, v.appClient.take(v.now, 1)) }
		if v.call(v.limits.SSM, until, ask) != nil {
			return statusUnavailable
		}
		v.env.secrets = true
	}
	initiate := func() bool { return v.took(LimitMint, v.minted.take(v.now, 1)) }
	if v.call(v.limits.Mint, until, initiate) != nil {
		return statusUnavailable
	}
	return statusWelcome
}

func (v *visit) parameter() bool { return v.took(LimitParameters, v.parameters.take(v.now, 1)) }

// keyOf returns the key of a user's name, as the login handler makes it.
func keyOf(user int) lockout.Key {
	key, err := users.LoginKey("acme", fmt.Sprintf("user-%07d", user))
	if err != nil {
		panic(err) // the names are ours
	}
	return key
}

package flood

import "time"

// A pool is the function's environments. Each serves one request at a time.
type pool struct {
	most     int // at once
	idle     []*environment
	busy     int
	starts   *bucket
	requests *bucket

	// For Little's law: the integral of busy over time, and the times of the
	// requests one by one.
	changed  time.Duration
	integral float64
	served   float64
}

// An environment is a process of the function, with what it remembers.
type environment struct {
	warm     bool
	policy   time.Duration // until when the maximum is fresh
	secrets  bool          // it has them
	seenLock map[int]time.Duration
}

func newPool(l Limits) *pool {
	most := max(1, min(l.LoginConcurrency, l.AccountConcurrency-l.UnreservedConcurrency))
	rate := l.RequestsPerEnvironment * float64(most)
	return &pool{
		most: most, starts: newBucket(l.EnvironmentsPerSecond, l.EnvironmentsAtOnce),
		requests: newBucket(rate, rate),
	}
}

// start returns an environment for a request, or the limit that it met.
func (p *pool) start(now time.Duration) (*environment, Limit) {
	switch {
	case p.busy >= p.most:
		return nil, LimitConcurrency
	case !p.requests.take(now, 1):
		return nil, LimitEnvironmentRate
	case len(p.idle) == 0 && !p.starts.take(now, 1):
		return nil, LimitScaling
	}
	p.count(now, 1)
	if len(p.idle) == 0 {
		return &environment{seenLock: map[int]time.Duration{}}, ""
	}
	last := len(p.idle) - 1
	env := p.idle[last]
	p.idle = p.idle[:last]
	return env, ""
}

// end takes an environment back.
func (p *pool) end(now time.Duration, env *environment, took time.Duration) {
	p.count(now, -1)
	p.served += took.Seconds()
	p.idle = append(p.idle, env)
}

func (p *pool) count(now time.Duration, by int) {
	p.integral += float64(p.busy) * (now - p.changed).Seconds()
	p.changed = now
	p.busy += by
}

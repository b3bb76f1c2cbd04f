package ledger

import (
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// An Account is what the ledger says of a user when all is over.
type Account struct {
	User string
	// Exact says that every answer that could have told of an effect was heard.
	Exact bool
	// Low and High bound the count, and LowLocks and HighLocks how often the
	// user was locked.
	Low, High           int
	LowLocks, HighLocks int
	// Differences are the answers that no order of events explains.
	Differences []string
}

// The most operations of one user at once, and the most possibilities that are
// followed.
const (
	maxPending = 64
	maxConfigs = 100_000
)

// A pending operation has begun and not ended.
type pending struct {
	Op
	until   time.Time // it can take effect
	maxima  []int
	retries bool
}

// A config is one possibility: a state, and which of the pending operations, by
// their slots, are explained and which have had their effect.
type config struct {
	state
	explained, used uint64
}

// A checker follows the possibilities of one user.
type checker struct {
	slots   [maxPending]*pending
	taken   uint64
	configs map[config]bool
	account Account
}

// Check explains what is written of a user.
func (l *Ledger) Check(r Rules, user string) Account {
	c := &checker{configs: map[config]bool{{}: true}, account: Account{User: user, Exact: true}}
	var all []*pending
	ops := l.Ops(user)
	for _, o := range ops {
		p := &pending{Op: o, until: o.Ended, retries: r.Retries}
		if o.Kind == Attempt {
			p.maxima = l.maxima(r, o)
		}
		if !o.Heard {
			c.account.Exact = false
		}
		if !o.Heard && !o.Dead {
			p.until = o.Ended.Add(r.Linger)
		}
		c.vet(o)
		all = append(all, p)
	}
	c.account.Differences = append(c.account.Differences, needless(r, ops)...)
	c.replay(all)
	c.close()
	return c.account
}

// vet looks at what an answer says by itself.
func (c *checker) vet(o Op) {
	switch {
	case o.Kind != Attempt:
	case o.Verdict == Welcome && o.Guess == Bad:
		c.differ(o, "a wrong password was let in")
	case o.Verdict == Wrong && o.Guess == Good:
		c.differ(o, "the right password was called wrong")
	}
}

func (c *checker) differ(o Op, why string) {
	c.account.Differences = append(c.account.Differences, fmt.Sprintf("%s (%s, request %s)", why, o, o.RequestID))
}

// needless returns the attempts that were told of others in flight where there
// can have been none.
func needless(r Rules, ops []Op) []string {
	var all []string
	for i, o := range ops {
		if o.Verdict != Busy {
			continue
		}
		beside := func(other Op) bool {
			end := other.Ended
			if !other.Heard {
				end = end.Add(r.Stuck)
			}
			return other.Kind == Attempt && !other.Began.After(o.Ended) && !end.Before(o.Began)
		}
		if !slices.ContainsFunc(ops[:i], beside) && !slices.ContainsFunc(ops[i+1:], beside) {
			all = append(all, fmt.Sprintf("nobody else was in flight (%s, request %s)", o, o.RequestID))
		}
	}
	return all
}

// replay takes the beginnings and the ends in the order of time. What begins
// when another ends overlaps it.
func (c *checker) replay(all []*pending) {
	ends := slices.Clone(all)
	slices.SortStableFunc(ends, func(a, b *pending) int { return a.until.Compare(b.until) })
	for _, ending := range ends {
		for len(all) > 0 && !all[0].Began.After(ending.until) {
			if !c.begin(all[0]) {
				c.differ(all[0].Op, "too many at once to follow")
				return
			}
			all = all[1:]
		}
		if !c.end(ending) {
			c.differ(ending.Op, "too many possibilities to follow")
			return
		}
	}
}

// begin takes a slot.
func (c *checker) begin(p *pending) bool {
	slot := bits.TrailingZeros64(^c.taken)
	if slot == maxPending {
		return false
	}
	c.slots[slot], c.taken = p, c.taken|1<<slot
	begun := make(map[config]bool, len(c.configs))
	for possible := range c.configs {
		if p.idle(possible.state) {
			possible.explained |= 1 << slot
		}
		begun[possible] = true
	}
	c.configs = begun
	return true
}

// end keeps the possibilities that explain an operation, and frees its slot.
func (c *checker) end(p *pending) bool {
	slot := slices.Index(c.slots[:], p)
	bit := uint64(1) << slot
	kept, ok := c.explain(bit)
	if !ok {
		return false
	}
	if len(kept) == 0 {
		c.differ(p.Op, "no order of events explains it")
		kept = c.surrender(p)
	}
	c.configs = make(map[config]bool, len(kept))
	for possible := range kept {
		possible.explained &^= bit
		possible.used &^= bit
		c.configs[possible] = true
	}
	c.slots[slot], c.taken = nil, c.taken&^bit
	return true
}

// explain follows every order of effects of what is pending that leads to an
// explanation of one operation, and no further.
func (c *checker) explain(bit uint64) (kept map[config]bool, ok bool) {
	kept = make(map[config]bool)
	seen := make(map[config]bool)
	var stack []config
	for possible := range c.configs {
		seen[possible] = true
		if possible.explained&bit != 0 {
			kept[possible] = true
		}
		stack = append(stack, possible)
	}
	for len(stack) > 0 && len(seen) < maxConfigs {
		before := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if before.used&bit != 0 && before.explained&bit != 0 {
			continue
		}
		for _, after := range c.next(before) {
			if seen[after] {
				continue
			}
			seen[after] = true
			if after.explained&bit != 0 && (before.explained&bit == 0 || after.used&bit != before.used&bit) {
				kept[after] = true
			}
			stack = append(stack, after)
		}
	}
	return kept, len(stack) == 0
}

// next returns where one effect leads. Of operations that could do and be told
// the same, the one that ends first goes first, among those that are explained
// already and among those that are not: any other choice leads to no more.
func (c *checker) next(from config) []config {
	var all []config
	chosen := make(map[string]int)
	for slot, p := range c.slots {
		if bit := uint64(1) << slot; p == nil || from.used&bit != 0 {
			continue
		}
		key := p.alike() + fmt.Sprint(from.explained>>slot&1)
		if other, ok := chosen[key]; !ok || p.until.Before(c.slots[other].until) {
			chosen[key] = slot
		}
	}
	for _, slot := range chosen {
		for _, e := range c.slots[slot].effects(from.state) {
			all = append(all, c.after(from, slot, e))
		}
	}
	return all
}

// alike is the same for operations that could change places.
func (p *pending) alike() string {
	return fmt.Sprint(p.Kind, p.Heard, p.Verdict, p.Guess, p.Remaining, p.Locked, p.Failed, p.maxima)
}

// after has one operation take effect, and explains what that explains.
func (c *checker) after(from config, slot int, e effect) config {
	to := config{state: e.after, explained: from.explained, used: from.used | 1<<slot}
	if e.told {
		to.explained |= 1 << slot
	}
	for other, p := range c.slots {
		if p != nil && (p.idle(to.state) || e.clears && p.superseded()) {
			to.explained |= 1 << other
		}
	}
	return to
}

// surrender goes on from an answer that cannot be explained: what it tells of
// the state is taken for true.
func (c *checker) surrender(p *pending) map[config]bool {
	kept := make(map[config]bool)
	for possible := range c.configs {
		switch {
		case p.Kind == Unlock || p.Verdict == Welcome:
			possible.failed, possible.locked = 0, false
		case p.Verdict == Locked:
			possible.locked = true
		case p.Kind == Read:
			possible.locked = p.Locked
			if p.Failed != Unknown {
				possible.failed = p.Failed
			}
		case p.Verdict == Wrong && len(p.maxima) > 0:
			possible.failed, possible.locked = max(0, p.maxima[0]-p.Remaining), false
		}
		kept[possible] = true
	}
	return kept
}

// close bounds what is left.
func (c *checker) close() {
	first := true
	for possible := range c.configs {
		if first {
			c.account.Low, c.account.High = possible.failed, possible.failed
			c.account.LowLocks, c.account.HighLocks = possible.locks, possible.locks
			first = false
		}
		c.account.Low, c.account.High = min(c.account.Low, possible.failed), max(c.account.High, possible.failed)
		c.account.LowLocks, c.account.HighLocks = min(c.account.LowLocks, possible.locks), max(c.account.HighLocks, possible.locks)
	}
}

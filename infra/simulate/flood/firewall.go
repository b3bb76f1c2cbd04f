package flood

import (
	"slices"
	"time"
)

// A firewall is the rate rule: it counts what comes from each address, and blocks
// those that were above the limit when it last looked, after its delay. A run is
// no longer than the rule's window, so nothing leaves the count.
type firewall struct {
	limits  Limits
	counts  []int32
	blocked []bool
}

func newFirewall(l Limits, addresses int) *firewall {
	return &firewall{limits: l, counts: make([]int32, addresses), blocked: make([]bool, addresses)}
}

// let counts a request and reports whether it goes on.
func (f *firewall) let(address int) bool {
	f.counts[address]++
	return !f.blocked[address]
}

// look is called every FirewallCheck until the run's end, and lets what it found
// take effect after the delay.
func (f *firewall) look(e *engine, until time.Duration) {
	var over []int
	for address, n := range f.counts {
		if int(n) > f.limits.LoginsPerAddress {
			over = append(over, address)
		}
	}
	if len(over) > f.limits.FirewallAddresses {
		slices.SortStableFunc(over, func(a, b int) int { return int(f.counts[b]) - int(f.counts[a]) })
		over = over[:f.limits.FirewallAddresses]
	}
	e.after(f.limits.FirewallDelay, func() {
		clear(f.blocked)
		for _, address := range over {
			f.blocked[address] = true
		}
	})
	if e.now+f.limits.FirewallCheck < until {
		e.after(f.limits.FirewallCheck, func() { f.look(e, until) })
	}
}

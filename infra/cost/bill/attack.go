package bill

import (
	"math"
	"slices"
)

// An Attack is one kind of request, sent as often as it is let through.
type Attack struct {
	Request
	PerMillion float64 // dollars
	Rate       float64 // requests a second that can become of this kind
	Bound      string  // what bounds the rate
	PerDay     float64 // dollars, at that rate
}

// Attacks returns what strangers can make the owner spend, the dearest day first,
// when they send flood requests a second from as many addresses as they like.
func (in Inputs) Attacks(t Tariff, flood float64) []Attack {
	var all []Attack
	for _, k := range Kinds() {
		if !k.Hostile() {
			continue
		}
		r := in.Request(k)
		rate, bound := in.bound(k, flood)
		dollars := t.Dollars(r.Amount)
		all = append(all, Attack{r, dollars * million, rate, bound, dollars * rate * 24 * 60 * 60})
	}
	slices.SortStableFunc(all, func(a, b Attack) int {
		switch {
		case a.PerDay > b.PerDay:
			return -1
		case a.PerDay < b.PerDay:
			return 1
		}
		return 0
	})
	return all
}

// bound returns how many requests a second can become of a kind.
func (in Inputs) bound(k Kind, flood float64) (rate float64, by string) {
	let := func(limit float64, by string) (float64, string) {
		if flood < limit {
			return flood, "what is sent"
		}
		return limit, by
	}
	gate := float64(in.LoginRate)
	switch k {
	case Wrong, Locking, Locked, Lately:
		took := in.Request(k).Amount[GBSeconds] / (float64(in.LoginMemory) / 1024)
		if slots := float64(in.LoginConcurrency) / took; slots < gate {
			return let(slots, "LoginConcurrency × the time it takes")
		}
		if k == Locking { // all but one in Maximum are no locks
			return let(gate/float64(in.Maximum), "LoginRate, and one guess in Maximum locks")
		}
		return let(gate, "LoginRate")
	case Reserved, Malformed:
		return let(gate, "LoginRate")
	case Forged, Health:
		return let(float64(in.RequestRate), "RequestRate, on each method")
	}
	return flood, "what is sent; nothing of ours bounds it"
}

// Addresses returns how many addresses it takes to send a rate of logins under
// the firewall's rate rule, which counts five minutes.
func (d Deployment) Addresses(rate float64) float64 {
	return math.Ceil(rate * 300 / float64(d.LoginsPerAddress))
}

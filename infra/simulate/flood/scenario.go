package flood

import (
	"slices"
	"time"
)

// A Scenario is who comes.
type Scenario struct {
	Name     string
	About    string
	Duration time.Duration
	Users    int // names, known or not; all of one client
	Patience int // tries of an honest visitor, all in all
	Streams  []Stream
	Rungs    []Rung
	Answer   string // what the design says to it
}

// A Stream is visitors who come at random, so many a second on the mean.
type Stream struct {
	Rate             float64
	Honest           bool
	Right            float64 // the part of the passwords that is right
	Unknown          bool    // nobody has the names
	FirstUser, Users int
	Addresses        int // of their own
}

// A Rung is a change of the limits, on top of those before it.
type Rung struct {
	Name   string
	Change func(*Scenario, *Limits)
}

// firstAddress returns where the addresses of a stream begin.
func (s Scenario) firstAddress(stream int) int {
	n := 0
	for _, before := range s.Streams[:stream] {
		n += before.Addresses
	}
	return n
}

const (
	typos = 0.95 // of a hundred logins of people, five are mistyped
	open  = 1_000_000
)

func asDeployed(*Scenario, *Limits) {}

// The changes that several scenarios make.

func openEdge(_ *Scenario, l *Limits) {
	l.LoginRate, l.LoginBurst, l.LoginsPerAddress = 10_000, 5_000, open
}

func mostConcurrency(_ *Scenario, l *Limits) {
	l.LoginConcurrency = l.AccountConcurrency - l.UnreservedConcurrency
}

func openGate(s *Scenario, l *Limits) {
	l.LoginRate, l.LoginBurst = 10_000, 5_000
	mostConcurrency(s, l)
}

// from changes how many addresses the last stream comes from, which is the hostile
// one.
func from(addresses int) func(*Scenario, *Limits) {
	return func(s *Scenario, _ *Limits) {
		s.Streams = slices.Clone(s.Streams)
		s.Streams[len(s.Streams)-1].Addresses = addresses
	}
}

func both(first, second func(*Scenario, *Limits)) func(*Scenario, *Limits) {
	return func(s *Scenario, l *Limits) { first(s, l); second(s, l) }
}

// Scenarios returns the scenarios.
func Scenarios() []Scenario { return []Scenario{monday(), stuffing(), hotUser()} }

func monday() Scenario {
	return Scenario{
		Name: "monday", About: "one client's people log in at 10,000/s, from 2,000 offices with an address each",
		Duration: 30 * time.Second, Users: open, Patience: 3,
		Streams: []Stream{{Rate: 10_000, Honest: true, Right: typos, Users: open, Addresses: 2_000}},
		Rungs: []Rung{
			{"as deployed", asDeployed},
			{"LoginRate 10,000, LoginBurst 5,000, no rule for addresses", openEdge},
			{"LoginConcurrency 900, all that a fresh account has", mostConcurrency},
			{"the app client's secret and the maximum without a quota", func(_ *Scenario, l *Limits) { l.AppClientRate, l.ParameterRate = open, open }},
			{"Cognito's UserAuthentication at 12,000/s", func(_ *Scenario, l *Limits) { l.MintRate = 12_000 }},
			{"concurrency of 3,100 for the account, LoginConcurrency 3,000", func(s *Scenario, l *Limits) { l.AccountConcurrency = 3_100; mostConcurrency(s, l) }},
			{"attempts pre-warmed to 24,000 writes/s, the client's users on 8 partitions", func(_ *Scenario, l *Limits) { l.TableWrites, l.UserPartitions = 24_000, 8 }},
		},
		Answer: "The default is for a hundred logins a second, and it refuses the rest before they cost much. A client of this size wants all of these numbers raised, and DynamoDB's before the account's concurrency, weeks ahead: Cognito's is bought and Lambda's asked for.",
	}
}

func stuffing() Scenario {
	return Scenario{
		Name: "stuffing", About: "100,000 guesses/s over a million names from 50,000 addresses, and 20 honest logins/s",
		Duration: 90 * time.Second, Users: open, Patience: 3,
		Streams: []Stream{
			{Rate: 20, Honest: true, Right: typos, Users: 10_000, Addresses: 200},
			{Rate: 100_000, Users: open, Addresses: 50_000},
		},
		Rungs: []Rung{
			{"as deployed", asDeployed},
			{"the same from 5,000 addresses, which the firewall can block", from(5_000)},
			{"from 50,000 again, LoginRate 10,000, LoginConcurrency 900: the wrong answer", both(from(50_000), openGate)},
		},
		Answer: "LoginRate and LoginConcurrency bound what it can guess and cost; the rate rule ends it when it comes from fewer than 10,000 addresses. From more, honest people are refused with the flood: only something that tells people from programs (a challenge of the firewall) helps, and none is deployed.",
	}
}

func hotUser() Scenario {
	return Scenario{
		Name: "hot-user", About: "5,000 wrong guesses/s at one user from 500 addresses, and 20 honest logins/s of others",
		Duration: 2 * time.Minute, Users: 10_001, Patience: 3,
		Streams: []Stream{
			{Rate: 20, Honest: true, Right: typos, FirstUser: 1, Users: 10_000, Addresses: 200},
			{Rate: 5_000, Users: 1, Addresses: 500},
		},
		Rungs: []Rung{
			{"as deployed", asDeployed},
			{"from 50,000 addresses, which stay under the rule", from(50_000)},
			{"and LoginRate 10,000, LoginConcurrency 900", openGate},
			{"the same, were nobody remembered who was seen locked: the wrong answer", func(_ *Scenario, l *Limits) { l.Forgetful = true }},
		},
		Answer: "One name under attack costs nobody else anything behind the edge; at the edge the flood takes the places of honest people until the rate rule has found its addresses, and for good if there are too many of them. More places are an answer because a process remembers whom it saw locked: where each refusal writes, it waits for the one partition that the name is in, and holds its place.",
	}
}

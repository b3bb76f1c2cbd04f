package bill

import (
	"slices"
	"time"

	"portcullis/internal/lockout"
)

// A Kind is what becomes of a request.
type Kind string

// The kinds of request that are billed here.
const (
	Right     Kind = "right login"
	Wrong     Kind = "wrong guess, compared"
	Locking   Kind = "wrong guess that locks"
	Locked    Kind = "refused, locked"
	Lately    Kind = "refused, locked, again"
	Busy      Kind = "refused, others in flight"
	Reserved  Kind = "refused by reserved concurrency"
	Malformed Kind = "refused by the request model"
	Throttled Kind = "refused by the gateway's throttle"
	Firewall  Kind = "refused by the firewall"
	Forged    Kind = "forged access token"
	Health    Kind = "GET /health"
)

// Kinds returns the kinds, in the order of a table.
func Kinds() []Kind {
	return []Kind{Right, Wrong, Locking, Locked, Lately, Busy, Reserved, Malformed, Throttled, Firewall, Forged, Health}
}

// Inputs are what a bill is made from beside the prices.
type Inputs struct {
	Shape
	Deployment
	Maximum int
	Unknown bool // the names that are guessed are nobody's

	// How long the parts of a login take. Hash is measured; the others are
	// assumptions, which change the GB-s and nothing else.
	Hash  time.Duration // one Argon2id hash on one vCPU
	Store time.Duration // one round trip to DynamoDB
	Mint  time.Duration // one AdminInitiateAuth
	Own   time.Duration // everything else
	Init  time.Duration // a cold start, which is billed
	Cold  float64       // the part of the requests that meet one
}

// Assumed returns the inputs that the command begins with. 32 ms is the quickest
// of 150 hashes on the machine this was written on (an Intel Xeon, amd64,
// 2026-11-25), whose other work made the median 68; Lambda's vCPU at 1,769 MB was
// not measured.
func Assumed() Inputs {
	return Inputs{
		Shape:      Shape{Key: 16, Client: 6, SourceIP: 14, UserAgent: 120, RequestID: 36},
		Deployment: Deployed(), Maximum: lockout.DefaultMaximum,
		Hash: 32 * time.Millisecond, Store: 5 * time.Millisecond, Mint: 60 * time.Millisecond,
		Own: time.Millisecond, Init: 150 * time.Millisecond, Cold: 0.01,
	}
}

// A Request is what one request of a kind costs.
type Request struct {
	Kind   Kind
	Amount Amount
	// Doubt says which part of it is not known to be billed.
	Doubt string
}

// Request returns what one request costs. A wrong guess is the mean of those
// that do not lock; with a maximum of one there is none, and it is as the one
// that locks.
func (in Inputs) Request(k Kind) Request {
	edge := Amount{FirewallRequests: 1, GatewayRequests: 1, LogGB: gb(accessLine)}
	switch k {
	case Right:
		return Request{k, edge.Plus(in.login(Visit{Maximum: in.Maximum, Right: true})), ""}
	case Wrong:
		return Request{k, edge.Plus(in.meanWrong()), ""}
	case Locking:
		return Request{k, edge.Plus(in.login(Visit{Maximum: in.Maximum, Failed: in.Maximum - 1, Unknown: in.Unknown})), ""}
	case Locked:
		return Request{k, edge.Plus(in.login(Visit{Maximum: in.Maximum, Failed: in.Maximum, Locked: true, Unknown: in.Unknown})), ""}
	case Lately: // the same process has refused the user within 30 s
		return Request{k, edge.Plus(in.login(Visit{Maximum: in.Maximum, Failed: in.Maximum, Locked: true, Lately: true, Unknown: in.Unknown})), ""}
	case Busy:
		return Request{k, edge.Plus(in.busy()), ""}
	case Reserved:
		return Request{k, edge, "a refused invocation is taken to cost nothing; the gateway's request is billed (an answer on re:Post, 2020)"}
	case Malformed:
		return Request{k, edge, "the gateway bills a request that fails validation (an answer on re:Post)"}
	case Throttled:
		return Request{k, Amount{FirewallRequests: 1, LogGB: gb(accessLine)}, "the gateway does not bill what it throttles (answers on re:Post; the page that said so is gone)"}
	case Firewall:
		return Request{k, Amount{FirewallRequests: 1, LogGB: gb(accessLine + firewallLine)}, "whether the gateway bills it is not documented; if it does, add its request"}
	case Forged:
		return Request{k, Amount{FirewallRequests: 1, LogGB: gb(accessLine + platformLines + functionLine)}.Plus(in.function(in.OtherMemory, in.Own)),
			"the gateway does not bill what its authorizer refuses (answers on re:Post)"}
	case Health: // it asks the stores at most every ten seconds in each process
		return Request{k, edge.Plus(in.function(in.OtherMemory, in.Own)).Plus(Amount{LogGB: gb(platformLines + functionLine)}), ""}
	}
	return Request{Kind: k}
}

// meanWrong is the mean over the guesses that do not lock.
func (in Inputs) meanWrong() Amount {
	guesses := max(1, in.Maximum-1)
	sum := Amount{}
	for failed := range guesses {
		sum = sum.Plus(in.login(Visit{Maximum: in.Maximum, Failed: failed, Unknown: in.Unknown}))
	}
	return sum.Times(1 / float64(guesses))
}

// login is what an attempt costs behind the gateway.
func (in Inputs) login(v Visit) Amount {
	a := Amount{LogGB: gb(platformLines + functionLine + metricsLine)}
	for _, call := range in.Shape.Store(v) {
		a[WriteUnits] += call.Write
		a[ReadUnits] += call.Read
	}
	took := in.Store + in.Own
	if !v.Locked {
		took += in.Hash + in.Store
	}
	if v.Right {
		took += in.Mint
		a[MintRequests] = 1
	}
	return a.Plus(in.function(in.LoginMemory, took)).Plus(in.cold())
}

// A charge that meets a full budget is made seven times, and waits 840 ms
// between: busyTries and busyStep of package lockout.
const (
	busyCharges = 7
	busyWaits   = 840 * time.Millisecond
)

func (in Inputs) busy() Amount {
	a := Amount{WriteUnits: busyCharges, ReadUnits: 1, LogGB: gb(platformLines + functionLine + metricsLine)}
	return a.Plus(in.function(in.LoginMemory, busyCharges*in.Store+busyWaits+in.Own)).Plus(in.cold())
}

// function is one invocation. AWS bills the time rounded up to a millisecond.
func (in Inputs) function(memory int, took time.Duration) Amount {
	billed := (took + time.Millisecond - 1).Truncate(time.Millisecond)
	seconds := billed.Seconds() + in.Cold*in.Init.Seconds()
	return Amount{Invocations: 1, GBSeconds: seconds * float64(memory) / 1024}
}

// cold is what the first login of a process asks for besides, spread over all:
// the client's maximum and whether the client exists, the token secret, and the
// app client's.
func (in Inputs) cold() Amount {
	return Amount{ParameterReads: 2, KeyUses: 1, ReadUnits: 1, MintRequests: 1}.Times(in.Cold)
}

// The bytes of log that a request writes, with the 26 that CloudWatch adds to each
// line. functionLine and metricsLine are compared with what the code writes; the
// others are estimates of what AWS writes.
const (
	accessLine    = 26 + 550
	platformLines = 3*26 + 350 // START, END and REPORT
	functionLine  = 26 + 320
	metricsLine   = 26 + 430
	firewallLine  = 26 + 1600
)

func gb(bytes int) float64 { return float64(bytes) / (1 << 30) }

// LoginLogBytes is what login writes for one request by itself: its line and its
// metrics.
const LoginLogBytes = functionLine + metricsLine

// Hostile reports whether a kind costs its sender nothing but the request: no
// account, and no password that is right.
func (k Kind) Hostile() bool { return !slices.Contains([]Kind{Right, Busy}, k) }

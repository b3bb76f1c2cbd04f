package flood

import (
	"time"

	"portcullis/infra/cost/bill"
)

// Limits are what an account allows and how long its parts take. They are the
// inputs of a simulation: change one, and something else is full first.
type Limits struct {
	bill.Deployment // ours: LoginRate, LoginBurst, LoginConcurrency, LoginsPerAddress, Lifetime

	FirewallWindow    time.Duration
	FirewallCheck     time.Duration // how often it looks
	FirewallDelay     time.Duration // from what it saw until it blocks
	FirewallAddresses int           // that one rule can block

	AccountRate, AccountBurst float64 // of the gateway, for all APIs of the account

	AccountConcurrency     int
	UnreservedConcurrency  int     // that no reservation may take
	EnvironmentsPerSecond  float64 // new ones, of a function
	EnvironmentsAtOnce     float64
	RequestsPerEnvironment float64 // a second

	PartitionWrites, PartitionReads float64 // units a second
	TableWrites                     float64 // the warm throughput of the attempts
	UserPartitions                  int     // among which a client's users are spread
	SplitAfter                      time.Duration
	SendTries                       int // of one call of the SDK

	MintRate      float64 // AdminInitiateAuth
	AppClientRate float64 // DescribeUserPoolClient
	ParameterRate float64 // GetParameter

	Hash             time.Duration
	Store, Mint, SSM Latency
	Init             Latency

	// LatelyLocked lets a process remember whom it saw locked, and ask for the
	// record alone then, without a write: what the design plans. The functions do
	// not do it yet.
	LatelyLocked bool
}

// Defaults are the template's settings in an account whose quotas nobody has
// raised, on new tables.
func Defaults() Limits {
	return Limits{
		Deployment:     bill.Deployed(),
		FirewallWindow: 5 * time.Minute, FirewallCheck: 10 * time.Second, FirewallDelay: 30 * time.Second,
		FirewallAddresses: 10_000,
		AccountRate:       10_000, AccountBurst: 5_000,
		AccountConcurrency: 1_000, UnreservedConcurrency: 100,
		EnvironmentsPerSecond: 100, EnvironmentsAtOnce: 1_000, RequestsPerEnvironment: 10,
		PartitionWrites: 1_000, PartitionReads: 3_000, TableWrites: 4_000, UserPartitions: 1, SplitAfter: 5 * time.Minute,
		SendTries: 4,
		MintRate:  120, AppClientRate: 5, ParameterRate: 40,
		Hash:  bill.Assumed().Hash,
		Store: Latency{5 * time.Millisecond, 25 * time.Millisecond},
		Mint:  Latency{60 * time.Millisecond, 250 * time.Millisecond},
		SSM:   Latency{20 * time.Millisecond, 100 * time.Millisecond},
		Init:  Latency{150 * time.Millisecond, 400 * time.Millisecond},
	}
}

// A Fact is one limit, with where it is from.
type Fact struct{ Name, Value, Source string }

// Facts tells every limit once, with its unit and its source.
func Facts() []Fact {
	const ours, assumed = "template.yaml", "assumed"
	const firewall = "WAF Developer Guide, Rate-based rule caveats: usually below 30 s"
	const lambda = "Lambda Developer Guide, Lambda scaling behavior"
	const partition = "DynamoDB Developer Guide, Best practices for designing and using partition keys"
	return []Fact{
		{"LoginsPerAddress", "100 requests in 5 minutes and address", ours},
		{"rule's delay", "looks every 10 s and blocks 30 s after", firewall},
		{"rule's addresses", "10,000 at most, those with the highest rates", "WAFV2 API Reference, RateBasedStatementManagedKeysIPSet"},
		{"LoginRate, LoginBurst", "100 requests/s, 50 at once", ours},
		{"account's gateway rate", "10,000 requests/s, 5,000 at once, all APIs of a region", "API Gateway Developer Guide, Quotas (as rate-limits.apis.io transcribes it)"},
		{"LoginConcurrency", "20 at once", ours},
		{"account's concurrency", "1,000 at once, of which 100 stay unreserved", "Lambda Developer Guide, Lambda quotas and Configuring reserved concurrency"},
		{"scaling rate", "1,000 new environments in 10 s and function", lambda},
		{"requests of an environment", "10 requests/s: 10,000 a second for 1,000 environments", lambda + " (an older copy)"},
		{"partition", "1,000 write units/s and 3,000 read units/s", partition},
		{"new on-demand table", "4,000 write units/s and 12,000 read units/s", "DynamoDB Developer Guide, Understanding warm throughput in different scenarios"},
		{"split for heat", "after 5 minutes of throttling", assumed + "; AWS says that it splits, not when (AWS Database Blog, Scaling DynamoDB, part 3)"},
		{"SDK's tries", "4, with waits of up to 2, 4 and 8 s between", "internal/environ, and aws-sdk-go-v2's ExponentialJitterBackoff"},
		{"UserAuthentication", "120 requests/s, can be raised for money", "Cognito Developer Guide, Quotas; the number is from a Japanese digest of it"},
		{"UserPoolClientRead", "15 requests/s in an account and 5 in a pool, fixed", "as above, and a comment in public code that agrees"},
		{"GetParameter", "40 requests/s, 10,000 for money", "AWS General Reference, Systems Manager endpoints and quotas; remembered, not found"},
		{"hash", "32 ms on one vCPU", "measured, see infra/cost"},
		{"store", "5 ms, p99 25 ms", assumed + "; AWS says single-digit milliseconds"},
		{"mint", "60 ms, p99 250 ms", assumed},
		{"cold start", "150 ms, p99 400 ms", assumed},
	}
}

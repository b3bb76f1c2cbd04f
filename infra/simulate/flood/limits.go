package flood

import (
	"fmt"
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

	// Forgetful leaves out the memory of users lately seen locked, whose record
	// alone is asked for, without a write.
	Forgetful bool
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
		SendTries: sendTries,
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

// Facts tells every limit once, with its unit and its source. Pages are named as
// AWS names them; they were read on 2026-11-25 in stored copies.
func (l Limits) Facts() []Fact {
	const ours, assumed = "template.yaml", "assumed"
	say := fmt.Sprintf
	return []Fact{
		{"LoginsPerAddress", say("%d requests in %s and address", l.LoginsPerAddress, l.FirewallWindow), ours},
		{"delay of a rate rule", say("looks every %s and blocks %s after", l.FirewallCheck, l.FirewallDelay),
			"WAF Developer Guide, Rate-based rule caveats (usually below 30 s, up to minutes); the 10 s from the Terraform provider's documentation"},
		{"addresses of a rate rule", say("%d at most, those with the highest rates", l.FirewallAddresses), "WAFV2 API Reference, RateBasedStatementManagedKeysIPSet"},
		{"LoginRate, LoginBurst", say("%d requests/s, %d at once", l.LoginRate, l.LoginBurst), ours},
		{"the account's gateway", say("%.0f requests/s, %.0f at once, of all APIs in the region", l.AccountRate, l.AccountBurst),
			"API Gateway Developer Guide, Quotas (as rate-limits.apis.io has it)"},
		{"LoginConcurrency", say("%d at once", l.LoginConcurrency), ours},
		{"the account's concurrency", say("%d at once, of which %d stay unreserved", l.AccountConcurrency, l.UnreservedConcurrency),
			"Lambda Developer Guide, Lambda quotas, and Configuring reserved concurrency"},
		{"scaling rate", say("%.0f new environments/s of a function, %.0f at once", l.EnvironmentsPerSecond, l.EnvironmentsAtOnce),
			"Lambda Developer Guide, Lambda scaling behavior (1,000 every 10 s, refilled as it goes)"},
		{"requests of an environment", say("%.0f requests/s", l.RequestsPerEnvironment),
			"the same page in an older copy: 10,000 requests/s for 1,000 environments"},
		{"a partition", say("%.0f write units/s, %.0f read units/s", l.PartitionWrites, l.PartitionReads),
			"DynamoDB Developer Guide, Best practices for designing and using partition keys effectively"},
		{"a new on-demand table", say("%.0f write units/s", l.TableWrites),
			"DynamoDB Developer Guide, Understanding DynamoDB warm throughput in different scenarios"},
		{"a client's users", say("%d partition", l.UserPartitions), assumed + ": one item collection begins on one"},
		{"split for heat", say("after %s of throttling", l.SplitAfter), assumed + "; AWS Database Blog, Scaling DynamoDB, part 3, says that it happens and not when"},
		{"tries of the SDK", say("%d, with waits of up to %s, %s and %s between", l.SendTries, longestBackoff(1), longestBackoff(2), longestBackoff(3)),
			"internal/environ"},
		{"UserAuthentication", say("%.0f requests/s", l.MintRate), "Cognito Developer Guide, Quotas; the number is second hand, and more can be bought"},
		{"UserPoolClientRead", say("%.0f requests/s of a pool", l.AppClientRate), "as above; second hand twice, and fixed (15 requests/s in an account)"},
		{"GetParameter", say("%.0f requests/s", l.ParameterRate), "AWS General Reference, Systems Manager endpoints and quotas; remembered, and more can be bought"},
		{"a hash", say("%s on one vCPU", l.Hash), "measured; see infra/cost.md"},
		{"a call of DynamoDB", l.Store.String(), assumed + "; AWS says single-digit milliseconds"},
		{"a call of Cognito for tokens", l.Mint.String(), assumed},
		{"a call of Parameter Store", l.SSM.String(), assumed},
		{"a cold start", l.Init.String(), assumed},
	}
}

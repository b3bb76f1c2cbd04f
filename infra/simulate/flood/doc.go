// Package flood simulates Portcullis on AWS under more logins than it has room
// for: what is full first, and what the people feel who only want to log in.
//
//	arrivals ─► firewall ─► gateway ─► Lambda ─► the gate ─► DynamoDB, Cognito, SSM
//
// Everything but the gate is a model: token buckets, queues and latencies with the
// limits of [Limits]. The gate is the real [lockout.Gate], with its waits, its
// refunds and its six transitions. Each attempt runs it as a coroutine: the stores,
// the clock and the credential that the gate asks are the simulation, and yield
// the time that they take. So there is no second copy of the rule here that could
// be wrong.
//
// The one decision a reader must know: time is virtual, and the seed decides
// everything. The gate's contexts have timers of the machine's clock; they are set
// so far off that none fires, and the deadline that they stand for is kept in
// virtual time here.
package flood

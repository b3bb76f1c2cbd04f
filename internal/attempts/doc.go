// Package attempts keeps the attempt records in DynamoDB. One item holds one
// user's record:
//
//	user           "acme/ana.silva"              partition key
//	generation     7                             from the first charge on, kept for good
//	reclaims       1                             absent until the first; kept for good
//	in_flight      {"01J…A", "01J…B"}            string set; absent when empty
//	charged        3                             = failed + size(in_flight)
//	charged_at     "2026-11-23T10:04:05.123Z"    of the latest charge
//	failed         1
//	evidence       [{attempt_id, at, source_ip, user_agent}]
//	lock_id        "01J…"                        absent unless locked
//	locked_at      "2026-11-23T10:04:05.123Z"    with lock_id
//	locked_client  "acme"                        with lock_id; known users only
//	expires_at     1803204245                    TTL; unknown users only
//
// Each transition of package lockout is one conditional write on that item:
// its condition and effect are stated as DynamoDB expressions in
// expressions.go. A lock and an unlock are transactions with their audit entry.
//
// The one decision a reader must know: the expressions decide only whether a
// write happens. A write that is refused returns the item, and what the refusal
// means is decided by the transition's own Apply on it; so a wrong expression
// can refuse too much, but it cannot make up a verdict. Should Apply say that
// the transition does apply, the item is one on which the other form of the
// write is due (a failure that locks, or one that no longer does), and that is
// tried.
//
// The sparse index locked-users has the keys of the items with a locked_client,
// by that and user, so it lists a client's locked users in the order of their
// names. DynamoDB writes an index after the item: it may lag behind by a
// moment, and says only whose record to look at ([Store.Locked]). The locks of
// unknown users are not in it, or whoever invents names could fill it.
//
// A write whose answer is lost may be sent again at any time, by the SDK or
// here: the attempt's id leaves in_flight with its verdict, and a transaction
// carries its event's id as request token.
package attempts

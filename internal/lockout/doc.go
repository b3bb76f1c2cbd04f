// Package lockout is the rule that decides who gets through a portal login.
//
//	No password is compared before its attempt is charged.
//	No verdict is spoken before it is settled.
//	Only settled failures lock.
//
// A login is an attempt. It is charged (taken out of the user's budget),
// compared, settled as failed or succeeded, and only then spoken of:
//
//	charge ──► compare ──► fail ────► "wrong, 3 left" or "locked"
//	   │           └─────► succeed ─► "welcome"
//	   └─ refused: locked, or too many others in flight
//
// Because the charge comes first and is one conditional write, a burst of
// parallel guesses cannot walk past the maximum: at most that many passwords
// are compared per generation, on however many machines. (One whose attempt
// crashed or was given back has no verdict that anybody heard; its place is free
// again.) The usual order
// (compare, then count) is what went wrong in CVE-2023-47111 (Zitadel),
// CVE-2024-4629 (Keycloak), CVE-2023-33170 (ASP.NET Core) and CVE-2019-5421
// (Devise).
//
// The six transitions ([Charge], [Fail], [Succeed], [Refund], [Reclaim] and
// [Unlock]) are pure functions of a [Record]. A store either runs them inside
// a write transaction or states their conditions in its own language and runs
// them on the record that a refusal returns; either way the meaning of a
// refusal is decided here and nowhere else. [Gate] strings them together for
// one login, [Unlocker] for one unlock.
//
// Where a store has one, a [Glance] comes before all that: whoever it sees locked is
// refused without a charge. It can only refuse, so nothing leans on it.
//
// The one decision a reader must know: a lock is a stored fact, not something
// computed from a count. Raising the maximum unlocks nobody, lowering it locks
// nobody, and a fault of ours (an outage, a crash, parallel right logins)
// never locks anyone, because only a settled failure can.
//
// The package uses the standard library alone. The clock, the identifiers and
// the randomness come in from outside.
package lockout

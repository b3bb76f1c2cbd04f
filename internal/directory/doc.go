// Package directory says in which order the stores are written when clients
// and users come.
//
// No transaction spans DynamoDB and Cognito, so each write is one that may be
// made again, and the order is such that a process may end between any two of
// them and running the same call again finishes the work:
//
//	check      nothing is written for a user who is there already
//	clear      the counter that attempts on the unknown name left behind
//	enrol      Cognito: without an item in users, nobody can log in with it
//	create     the item in users: from here on there is such a user
//	clear      what attempts left since, which found nobody
//	record     the audit entry user_created
//
// Stopped before create, there is no user, and what was written is written
// again. Stopped after it, the second run finds the user, enrols them as they
// are stored, clears what expires and records the entry. That also puts right a
// role that somebody who lost the race for the same name has enrolled.
//
// The check comes before clear because clearing unlocks: creating a user who
// exists must not unlock them. Clearing once more comes after create because
// attempts do not wait: a record that expires would take the lock of a user who
// exists along. Clearing begins a new generation, in which attempts from before
// do not count. What is left is an attempt that looks for the user before create
// and is charged after the second clear. If it locks, an unlock or a second run
// sets that right, and else the user's next attempt does.
//
// The one decision a reader must know: an entry is recorded last, under an id
// that is computed from what it records, and a trail takes an id only once. So
// there is exactly one entry for each creation, however often it is run, and
// none for a creation that did not happen. The other order, entry first, would
// leave an entry for each try.
package directory

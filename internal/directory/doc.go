// Package directory says in which order the stores are written when clients
// and users come, change and go.
//
// No transaction spans DynamoDB and Cognito, and the attempts have a table of
// their own. So one store is the truth and the others follow it:
//
//	users      the truth. Each act is one transaction: the user, on condition
//	           that they are as they were read, and the act's audit entry
//	the mint   follows: Cognito is made to agree with what users holds
//	attempts   follow: what is on a record and not its user's is cleared
//
// The steps of each act, between any two of which the process may end:
//
//	create    clear     what attempts on the name left behind, if it is nobody's
//	          users     from here on there is such a user
//	          clear     what attempts left since, which found nobody
//	          align     the mint enrols the user
//	change    users     another role or password moves the mark of the sessions
//	          sign out  the mint's own sessions
//	          align     the mint learns of the role
//	delete    users     from here on there is no such user
//	          sign out
//	          align     the mint removes the user
//	          clear     what the user leaves behind, a lock above all
//
// Stopped before users is written, an act has not happened, and it has no
// entry; stopped after it, it has happened, and it has its one. What is missing
// then is without danger: a user whom the mint does not know gets no tokens, one
// who was deleted or given another password or role has no session that goes on,
// since each is bound to the mark it began under, and a lock of nobody is
// nobody's. The next act on the name, whichever it is, aligns the mint before it
// answers, also when it is refused since the user is there or is not. Creating
// or deleting the user once more clears the record too.
//
// To align is to read the user, to make the mint agree, and to read the user
// again, and to start over if they have changed. So of several who align at
// once, whoever writes to the mint last has seen the last state of the user, or
// goes on.
//
// Clearing unlocks, and nobody may be unlocked by being created, so what is
// cleared is known not to be the user's:
//
//   - Before a creation and after a deletion, the record is read first and the
//     user looked for after it. Nobody is there, so the record is from before
//     whoever may be created next; and it is cleared only as it was read.
//   - After a creation, what expires was left by an attempt that found nobody,
//     and what holds a failure from before the creation by one on another user
//     of the name. Attempts in flight may have found nobody too, and clearing
//     begins a new generation, in which they do not count.
//
// Attempts do not wait, so an attempt that looks for the user before an act and
// is charged after its last clearing counts by what it saw. On a user who was
// created meanwhile that is one failure too many. If it locks, an unlock or
// creating the user again sets that right, and else the next attempt on them
// does. After a deletion it is a record of nobody's that does not expire; it is
// in no list, and the next creation clears it.
//
// Whoever may administer some users only is asked about on each user as read,
// and the write takes effect on no other: a user who is made a Sysadmin in
// between is asked about anew.
//
// The one decision a reader must know: the mint comes after the truth and never
// before it. The other order, which enrols first, lets a user in one moment
// earlier; but where two acts meet, whoever is slower to write the truth has
// left the mint with what never came to be, and nobody comes to put it right.
package directory

// Package announce tells an event bus of Amazon EventBridge about locks, unlocks
// and policy changes, so that mail, chat and a SIEM need not ask for them.
// [Announcer.Handle] takes records of the audit table's stream, and each entry
// that is to be told becomes one event:
//
//	source        "portcullis"
//	detail-type   the entry's action, "authn_login_lock"
//	time          the entry's, to the second
//	detail        the entry as GET …/audit shows it, and its client
//
// The one decision a reader must know: events come out of the trail's stream and
// never out of a request. So what is told has been committed, what was committed
// is told although the process that did it died, and no login waits for
// EventBridge. The price is that an event may come more than once, since Lambda
// hands records out again after a failure: detail.id, the id of the audit entry,
// is what a receiver knows it by.
//
// Locks of names that nobody has are left out. Whoever reaches the login can make
// as many of them as they like, and nobody can unlock them. The trail has them,
// and they are known by their time of expiry. Clearings of a count that was no lock
// are left out too: nobody was told of a lock that such an unlock would end.
package announce

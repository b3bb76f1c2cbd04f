package lockout

import "time"

// An EventKind is the name of a fact that goes into the audit trail, from the
// OWASP Logging Vocabulary Cheat Sheet.
type EventKind string

// The kinds of event that the rule itself makes.
const (
	EventLock   EventKind = "authn_login_lock"
	EventUnlock EventKind = "authn_login_unlock"
)

// An Event is a lock or an unlock, as the trail keeps it.
type Event struct {
	ID                  string // ULID; a lock's id is its event's
	Kind                EventKind
	At                  time.Time // UTC, to the millisecond
	Key                 Key
	Actor               string // who did it: "client/username", or [ActorPortcullis]
	SourceIP            string
	RequestID           string
	Reason              string // why, in the actor's words; may be empty
	IdentityConfirmedBy string // how the user proved who they are; may be empty
	LockID              string // the lock made or cleared; empty if there was none
	Maximum             int    // in force at the time
	Failed              int    // settled failures of the generation
	Evidence            []Evidence
	ExpiresAt           time.Time // for unknown users; zero for never
	BreakGlass          bool      // done round the API, to help a client whose Sysadmins cannot
}

// ActorPortcullis is the actor of a lock: nobody locks a user by hand.
const ActorPortcullis = "portcullis"

// of fills in what the record tells.
func (e Event) of(r Record, maximum int) Event {
	e.LockID = r.LockID
	e.Maximum = maximum
	e.Failed = r.Failed
	e.Evidence = r.Evidence
	return e
}

package audit

import (
	"time"

	"portcullis/internal/lockout"
)

// An Action names what was done.
type Action string

// The actions of the trail. The authn names are those of the OWASP Logging
// Vocabulary Cheat Sheet.
const (
	Lock          = Action(lockout.EventLock)
	Unlock        = Action(lockout.EventUnlock)
	PolicyChanged = Action("policy_changed")
	UserCreated   = Action("user_created")
	UserUpdated   = Action("user_updated")
	UserDeleted   = Action("user_deleted")
	PasswordSet   = Action("password_set")
	ClientCreated = Action("client_created")
)

// Actions returns the actions, in the order in which they are told.
func Actions() []Action {
	return []Action{Lock, Unlock, PolicyChanged, UserCreated, UserUpdated, UserDeleted, PasswordSet, ClientCreated}
}

// An Entry is one act: who did what to whom, when, from where and why.
type Entry struct {
	Client    string
	ID        string // ULID, so that entries sort by time; unique
	At        time.Time
	Action    Action
	Actor     string // "client/username", "iam:" and who invoked, or lockout.ActorPortcullis
	Username  string // whom it was done to; empty for acts on the client itself
	SourceIP  string
	RequestID string
	Reason    string
	Details   Details
	ExpiresAt time.Time // zero for never; see lockout.UnknownUserRetention
}

// Details are the particulars of an act. Fields that do not apply are zero and
// are left out of JSON.
type Details struct {
	LockID              string     `json:"lock_id,omitempty"`
	Maximum             int        `json:"max_failed_login_attempts_portal,omitzero"`
	FailedAttempts      int        `json:"failed_attempts,omitzero"`
	IdentityConfirmedBy string     `json:"identity_confirmed_by,omitempty"`
	Evidence            []Evidence `json:"evidence,omitempty"`
	// PreviousMaximum is what a policy change replaced; Maximum is what it set.
	PreviousMaximum int `json:"previous_max_failed_login_attempts_portal,omitzero"`
	// Outcome is on the second entry of an act whose store failed after the
	// first was written: "not_applied", or "unknown" when nobody can say.
	Outcome string `json:"outcome,omitempty"`
	// Role is the role of a user who was created, deleted or given another one;
	// PreviousRole is the one before.
	Role         string `json:"role,omitempty"`
	PreviousRole string `json:"previous_role,omitempty"`
	// Changed names the fields that an update changed: "role", "name", "email".
	Changed []string `json:"changed,omitempty"`
	// BreakGlass is on every entry of an act that went round the API by IAM to
	// help a client whose Sysadmins cannot.
	BreakGlass bool `json:"break_glass,omitzero"`
}

// A Query says which entries of a client to read, newest first.
type Query struct {
	Client   string
	Before   string // only entries whose ids sort before this one; empty for all
	Limit    int    // of the entries on the page, 1 or more
	Username string // whom it was done to; empty for anybody
	Action   Action // empty for any
}

// Evidence is one failed attempt, as the trail and the API show it.
type Evidence struct {
	At        time.Time `json:"at"`
	SourceIP  string    `json:"source_ip"`
	UserAgent string    `json:"user_agent"`
}

// FromEvent makes the entry of a lock or an unlock.
func FromEvent(e lockout.Event) Entry {
	return Entry{
		Client: e.Key.Client(), ID: e.ID, At: e.At, Action: Action(e.Kind), Actor: e.Actor,
		Username: e.Key.Username(), SourceIP: e.SourceIP, RequestID: e.RequestID, Reason: e.Reason,
		Details: Details{
			LockID: e.LockID, Maximum: e.Maximum, FailedAttempts: e.Failed,
			IdentityConfirmedBy: e.IdentityConfirmedBy, Evidence: FromEvidence(e.Evidence),
			BreakGlass: e.BreakGlass,
		},
		ExpiresAt: e.ExpiresAt,
	}
}

// FromEvidence leaves the attempts' ids out: they mean nothing to a reader.
func FromEvidence(all []lockout.Evidence) []Evidence {
	shown := make([]Evidence, 0, len(all))
	for _, e := range all {
		shown = append(shown, Evidence{At: e.At, SourceIP: e.SourceIP, UserAgent: e.UserAgent})
	}
	return shown
}

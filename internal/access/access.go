// Package access says who may do what, in two tables: which role may take
// which action, and which action each route of the API is. Everything that
// guards (the Lambda authorizer at the edge, the handlers behind it, the local
// server) reads these tables and has no rule of its own; template.yaml is
// compared with them by a test.
//
// The one decision a reader must know: a route that is not in the table does
// not exist, and one without an action is open to everybody by name, so
// forgetting an entry closes a route rather than opening it.
//
// It also holds the nouns that the packages share: the caller, the user and
// the session.
package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Role is what a user is, from their Cognito group.
type Role string

// The roles of the portal.
const (
	Sysadmin  Role = "Sysadmin"
	Superuser Role = "Superuser"
	Manager   Role = "Manager"
	ITUser    Role = "ITUser"
)

// Roles returns the roles, most powerful first.
func Roles() []Role { return []Role{Sysadmin, Superuser, Manager, ITUser} }

// Valid reports whether r is one of the roles; they are case-sensitive.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// RoleOf returns the one of the groups that is a role; none, which may do nothing,
// when there is not exactly one. Other groups mean nothing to us.
func RoleOf(groups []string) Role {
	var found []Role
	for _, role := range Roles() {
		if slices.Contains(groups, string(role)) {
			found = append(found, role)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// An Action is something a caller may want to do within their own client.
type Action string

// The actions. The empty action is that of a route anybody may use.
const (
	Anybody      Action = ""
	UnlockUsers  Action = "unlock users"
	ChangePolicy Action = "change the policy"
	ReadPolicy   Action = "read the policy"
	ReadUsers    Action = "read users"
	ReadAudit    Action = "read the audit trail"
	ManageUsers  Action = "manage users" // a Superuser: not Sysadmins
)

// allowed is the table of who may do what. Nobody else may.
var allowed = map[Action][]Role{
	UnlockUsers:  {Sysadmin},
	ChangePolicy: {Sysadmin},
	ReadPolicy:   {Sysadmin, Superuser},
	ReadUsers:    {Sysadmin, Superuser},
	ReadAudit:    {Sysadmin},
	ManageUsers:  {Sysadmin, Superuser},
}

// ErrForbidden says that the caller's role or client does not allow the action.
var ErrForbidden = errors.New("forbidden")

// ErrUnauthorized says that a token is missing or not good: its signature,
// issuer, client, use or time.
var ErrUnauthorized = errors.New("unauthorized")

// ErrLastSysadmin says that a client would be left without a Sysadmin.
var ErrLastSysadmin = errors.New("the last Sysadmin of a client stays one")

// ErrLocked says that the actor may not do this to a user who is locked.
var ErrLocked = fmt.Errorf("the user is locked: %w", ErrForbidden)

// A FieldError says that a value of a user cannot be. It wraps what judged it.
type FieldError struct {
	Field   string // "username", "role", "name", "email" or "password"
	Message string // which rule it breaks, as "must …"; nothing of the value
	Err     error
}

// Error names the field and the rule.
func (e *FieldError) Error() string { return e.Field + " " + e.Message }

// Unwrap returns the error of whoever judged the value.
func (e *FieldError) Unwrap() error { return e.Err }

// A Caller is who a verified access token says is calling.
type Caller struct {
	Client   string
	Username string
	Role     Role
	IssuedAt time.Time // of the token, to the second; zero where only the name is known
}

// String returns "client/username", as the audit trail names an actor.
func (c Caller) String() string { return c.Client + "/" + c.Username }

// Check returns nil if the caller may take the action within the client, else
// [ErrForbidden]. Nobody may do anything in a client that is not their own.
func (c Caller) Check(action Action, client string) error {
	if c.Client == "" || c.Client != client || !slices.Contains(allowed[action], c.Role) {
		return ErrForbidden
	}
	return nil
}

// CheckManage returns nil if the caller, who may manage users, may administer
// one of the role, else [ErrForbidden]: a Superuser administers no Sysadmin.
func (c Caller) CheckManage(role Role) error {
	if c.Role == Sysadmin || c.Role == Superuser && role != Sysadmin {
		return nil
	}
	return ErrForbidden
}

// A User is a person of one client, without anything secret.
type User struct {
	Client    string
	Username  string // canonical; see package users
	Role      Role
	Name      string
	Email     string
	CreatedAt time.Time // UTC, to the millisecond
	// SessionsSince is the mark of the user's sessions: it moves when a password
	// is set or a role changes, and a session that began under another mark is
	// over. It begins as CreatedAt. UTC, to the millisecond.
	SessionsSince time.Time
}

// SearchText is what the text of a listing is looked for in, in lower case. No
// line feed can be in a name, so no text is found across two of them.
func (u User) SearchText() string {
	return strings.ToLower(u.Username + "\n" + u.Name + "\n" + u.Email)
}

// A Change is what is to become of a user; what is nil stays.
type Change struct {
	Role        *Role
	Name, Email *string
}

// A Listing says which users of a client to list, by username.
type Listing struct {
	Client string
	After  string // the username that the page comes behind; empty for the beginning
	Limit  int    // of the users on the page, 1 or more
	Role   Role   // empty for any
	// Text is a part of the username, name or email address, in any case; empty
	// for everybody.
	Text string
}

// Of reports whether a listing is of the user, as far as they are looked for by
// role or text.
func (l Listing) Of(u User) bool {
	if l.Role != "" && l.Role != u.Role {
		return false
	}
	return strings.Contains(u.SearchText(), strings.ToLower(l.Text))
}

// An Act says who changes something, from where and why.
type Act struct {
	Actor     string // "client/username", "iam:" and a name, or lockout.ActorPortcullis
	SourceIP  string
	RequestID string
	Reason    string
	// May returns nil if the actor may administer a user of the role, and else
	// [ErrForbidden]. Nil lets the actor administer everybody.
	May func(Role) error
	// KeepsLocks says that the actor may not unlock, and so may not delete a
	// locked user either: created anew, the name would be open again.
	KeepsLocks bool
}

// MaxRefreshToken is the longest refresh token that is looked at, in bytes.
// Cognito's have some 1,800, and what the mint puts around one has a few hundred.
const MaxRefreshToken = 6 << 10

// A Grant is what a refresh token stands for: whose session it renews, and the
// mark it began under (see [User]).
type Grant struct {
	Client        string
	Username      string
	SessionsSince time.Time
}

// A Session is the set of tokens that a login gives.
type Session struct {
	AccessToken  string
	IDToken      string
	RefreshToken string
	ExpiresIn    time.Duration // of the access token
}

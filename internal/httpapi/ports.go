package httpapi

import (
	"context"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// A KeyFunc makes the key of a user out of what a caller wrote, or refuses it.
// An error means that no user can have that name; it is never shown.
type KeyFunc func(client, username string) (lockout.Key, error)

// A Credential is what the login handler needs of the gate's credentials.
type Credential interface {
	lockout.Credential
	// User returns whose credential it is. It is asked only after a Welcome.
	User() access.User
	// Upgrade stores the password, which was just proven right, under the
	// current parameters. It MUST do nothing when they are current already.
	Upgrade(ctx context.Context, password string) error
}

// A Gate runs login attempts, as [lockout.Gate] does.
type Gate[C lockout.Credential] interface {
	Attempt(ctx context.Context, a lockout.Attempt) (lockout.Verdict[C], error)
}

// A Minter makes the tokens of a session for a user who has just proven who
// they are.
type Minter interface {
	Mint(ctx context.Context, user access.User) (access.Session, error)
}

// A TokenVerifier tells who an access token says is calling. Its error wraps
// [access.ErrUnauthorized] when the token is not good, and anything else is
// taken for a fault of ours.
type TokenVerifier interface {
	Verify(ctx context.Context, token string) (access.Caller, error)
}

// UserExists tells whether there is such a user. Errors wrap
// [lockout.ErrUnavailable].
type UserExists interface {
	Exists(ctx context.Context, key lockout.Key) (bool, error)
}

// A UserReader reads one user. An unknown one is [lockout.ErrNotFound].
type UserReader interface {
	User(ctx context.Context, key lockout.Key) (access.User, error)
}

// A UserLister reads several users. List reads those of one client in the order
// of their names: it returns at most the limit of those whom the listing is of,
// and the username to go on behind, which need not be anybody's and is empty at
// the end. There may be fewer than the limit, even none, and more to come all the
// same. ReadMany returns those who are there.
type UserLister interface {
	List(ctx context.Context, listing access.Listing) (users []access.User, next string, err error)
	ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]access.User, error)
}

// A RecordReader reads the attempt records of several users at once. A user
// without a record, or missing from the answer, has the zero Record.
type RecordReader interface {
	ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]lockout.Record, error)
}

// A RecordLister also lists who is locked: up to limit usernames of a client, in
// the order of their bytes and from the first behind the name after, and whether
// there may be more. The list may lag behind the records by a moment, and names
// of nobody may be among those it has.
type RecordLister interface {
	RecordReader
	Locked(ctx context.Context, client, after string, limit int) (usernames []string, more bool, err error)
}

// A PolicyReader reads a client's policy as it is stored.
type PolicyReader interface {
	Policy(ctx context.Context, client string) (lockout.Policy, error)
}

// A PolicyWriter changes a client's policy. Set with a version that is not the
// stored one MUST change nothing and return a [*lockout.ConflictError] whose
// Current is the [lockout.Policy].
type PolicyWriter interface {
	PolicyReader
	Set(ctx context.Context, client string, maximum int, version *int64, by string) (lockout.Policy, error)
	Clear(ctx context.Context, client, by string) (lockout.Policy, error)
}

// An Appender adds to the audit trail. The entry is durable when it returns.
type Appender interface {
	Append(ctx context.Context, entry audit.Entry) error
}

// A TrailReader reads the audit trail, newest first, and returns the id to go on
// before, which is empty at the end. There may be fewer entries than asked for,
// even none, and more to come all the same. Errors wrap [lockout.ErrUnavailable].
type TrailReader interface {
	Entries(ctx context.Context, q audit.Query) (entries []audit.Entry, next string, err error)
}

// A Directory changes users. Errors are a [*access.FieldError] for a value that
// cannot be, [lockout.ErrNotFound], [access.ErrForbidden] where act.May says so,
// [access.ErrLastSysadmin], a [*lockout.ConflictError] when the user exists
// already, or wrap [lockout.ErrUnavailable]; after the last, the change may have
// been made, and making it again is safe.
type Directory interface {
	CreateUser(ctx context.Context, user access.User, password string, act access.Act) (access.User, error)
	UpdateUser(ctx context.Context, key lockout.Key, change access.Change, act access.Act) (access.User, error)
	SetPassword(ctx context.Context, key lockout.Key, password string, act access.Act) error
	DeleteUser(ctx context.Context, key lockout.Key, act access.Act) error
}

// Sessions renews and ends sessions by their refresh tokens.
type Sessions interface {
	// Grant returns what a refresh token stands for; the error wraps
	// [access.ErrUnauthorized] if it is not one of ours. It does not look at the
	// user.
	Grant(ctx context.Context, refreshToken string) (access.Grant, error)
	// Renew makes new tokens for the user, who MUST be the one of the token's
	// grant, with their role as it is now, and without a new refresh token. The
	// error wraps [access.ErrUnauthorized] if the token is revoked or expired.
	Renew(ctx context.Context, user access.User, refreshToken string) (access.Session, error)
	// Revoke ends the session. A token that is not ours, or revoked, is no error.
	Revoke(ctx context.Context, refreshToken string) error
}

package httpapi

import (
	"context"
	"fmt"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// The bounds of what an unlock may say, in bytes.
const (
	maxLockID              = 64  // ours are ULIDs, of 26
	maxReason              = 500 // a few sentences, as the trail keeps them
	maxIdentityConfirmedBy = 100 // a word or two: "call-back"
)

// errOwnLock refuses a caller who would unlock themselves: with a stolen token
// of theirs, their password could be guessed at without end.
var errOwnLock = &detailedError{
	"Nobody unlocks themselves. Ask another Sysadmin of your client.",
	fmt.Errorf("nobody unlocks themselves: %w", access.ErrForbidden),
}

// Unlock answers POST /clients/{client}/users/{username}/unlock. Nobody unlocks
// themselves, and whether there is such a user is asked before anything is
// cleared.
func Unlock(e Edge, unlocker *lockout.Unlocker, users UserExists) Handler {
	p := endpoint{route: "POST /clients/{client}/users/{username}/unlock", body: optionalBody}
	return serve(e, p, func(ctx context.Context, r *request[unlockBody]) (any, error) {
		unlocked, err := unlock(ctx, unlocker, users, r.Caller, lockout.UnlockRequest{
			Key: r.Key, LockID: r.Body.LockID.value, Actor: r.Caller.String(),
			Reason: r.Body.Reason.trimmed(), IdentityConfirmedBy: r.Body.IdentityConfirmedBy.trimmed(),
			SourceIP: r.SourceIP, RequestID: r.RequestID,
		})
		if r.note.outcome(loginUnlock, err); err != nil {
			return nil, err
		}
		return unlockAnswer{
			Client: r.Key.Client(), Username: r.Key.Username(),
			WasLocked: unlocked.WasLocked, FailedAttempts: unlocked.Failed,
			UnlockedAt: stamp(unlocked.At), UnlockedBy: r.Caller.String(),
		}, nil
	})
}

// unlock unlocks one user of the caller's own client.
func unlock(
	ctx context.Context, unlocker *lockout.Unlocker, users UserExists, caller access.Caller, what lockout.UnlockRequest,
) (lockout.Unlocked, error) {
	if caller.Username == what.Key.Username() {
		return lockout.Unlocked{}, errOwnLock
	}
	known, err := users.Exists(ctx, what.Key)
	if err != nil {
		return lockout.Unlocked{}, err
	}
	if !known {
		return lockout.Unlocked{}, errNoUser
	}
	return unlocker.Unlock(ctx, what)
}

type unlockBody struct {
	LockID              text `json:"lock_id"`
	Reason              text `json:"reason"`
	IdentityConfirmedBy text `json:"identity_confirmed_by"`
}

func (b unlockBody) check() []fault {
	faults := b.LockID.line("lock_id", maxLockID)
	faults = append(faults, b.Reason.line("reason", maxReason)...)
	return append(faults, b.IdentityConfirmedBy.line("identity_confirmed_by", maxIdentityConfirmedBy)...)
}

type unlockAnswer struct {
	Client         string `json:"client"`
	Username       string `json:"username"`
	WasLocked      bool   `json:"was_locked"`
	FailedAttempts int    `json:"failed_attempts"`
	UnlockedAt     string `json:"unlocked_at"`
	UnlockedBy     string `json:"unlocked_by"`
}

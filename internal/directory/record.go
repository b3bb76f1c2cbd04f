package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// recordUser writes the entry of a user's creation, once.
func (d *Directory) recordUser(ctx context.Context, user access.User, act Act) error {
	err := d.record(ctx, audit.Entry{
		Client: user.Client, ID: entryID(user.CreatedAt, audit.UserCreated, user.Client, user.Username),
		At: user.CreatedAt, Action: audit.UserCreated, Actor: act.Actor, Username: user.Username,
		SourceIP: act.SourceIP, RequestID: act.RequestID, Reason: act.Reason,
		Details: audit.Details{Role: string(user.Role)},
	})
	if err != nil {
		return fmt.Errorf("recording the user's creation: %w", err)
	}
	return nil
}

// recordClient writes the entry of a client's creation, once. A client is
// created once and for all, so its entry's id has the epoch for its time: the
// same whoever records it, and the first in the client's trail.
func (d *Directory) recordClient(ctx context.Context, client string, act Act) error {
	err := d.record(ctx, audit.Entry{
		Client: client, ID: entryID(time.UnixMilli(0), audit.ClientCreated, client, ""),
		At: d.now(), Action: audit.ClientCreated, Actor: act.Actor,
		SourceIP: act.SourceIP, RequestID: act.RequestID, Reason: act.Reason,
	})
	if err != nil {
		return fmt.Errorf("recording the client's creation: %w", err)
	}
	return nil
}

// record appends an entry, unless it is there: an earlier run, perhaps another
// actor's, was first.
func (d *Directory) record(ctx context.Context, entry audit.Entry) error {
	err := d.Trail.Append(ctx, entry)
	var conflict *lockout.ConflictError
	if errors.As(err, &conflict) {
		return nil
	}
	return err
}

// entryID returns the ULID of the entry of a creation: the time, and 80 bits of
// a hash of what was created where a ULID has random ones.
func entryID(at time.Time, action audit.Action, client, username string) string {
	sum := sha256.Sum256([]byte(string(action) + "\x00" + client + "\x00" + username))
	var id ulid.ULID
	copy(id[6:], sum[:])
	// The only error is a time after the year 10889.
	_ = id.SetTime(ulid.Timestamp(at))
	return id.String()
}

package directory

import (
	"crypto/sha256"
	"time"

	"github.com/oklog/ulid/v2"

	"portcullis/internal/access"
	"portcullis/internal/audit"
)

// userEntry is the entry of a user's creation.
func userEntry(user access.User, act Act) audit.Entry {
	return audit.Entry{
		Client: user.Client, ID: entryID(user.CreatedAt, audit.UserCreated, user.Client, user.Username),
		At: user.CreatedAt, Action: audit.UserCreated, Actor: act.Actor, Username: user.Username,
		SourceIP: act.SourceIP, RequestID: act.RequestID, Reason: act.Reason,
		Details: audit.Details{Role: string(user.Role)},
	}
}

// clientEntry is the entry of a client's creation. A client is created once and
// for all, so its entry's id has the epoch for its time: the first in the
// client's trail.
func clientEntry(client string, at time.Time, act Act) audit.Entry {
	return audit.Entry{
		Client: client, ID: entryID(time.UnixMilli(0), audit.ClientCreated, client, ""),
		At: at, Action: audit.ClientCreated, Actor: act.Actor,
		SourceIP: act.SourceIP, RequestID: act.RequestID, Reason: act.Reason,
	}
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

package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"portcullis/internal/lockout"
)

const (
	// maxUnlocks is how many users one request unlocks.
	maxUnlocks = 100
	// parallelUnlocks is how many it unlocks at once. Each takes three round
	// trips of a few milliseconds, so a hundred take well under a second.
	parallelUnlocks = 8
	// maxUsername bounds a name that is asked for, in bytes: the longest
	// username.
	maxUsername = 256
)

// The outcomes of one row.
const (
	rowUnlocked  = "unlocked"
	rowNotLocked = "not_locked"
	rowNotFound  = "not_found"
	rowFailed    = "failed"
)

// UnlockMany answers POST /clients/{client}/unlocks. Each user is unlocked as
// [Unlock] does it, by a transition with an audit entry and a log line of its
// own, and gets a row that says what became of it, in the order of the request;
// a row that failed holds the problem's type. When the time of the request is
// nearly over, the rest fail.
func UnlockMany(e Edge, unlocker *lockout.Unlocker, users UserExists) Handler {
	p := endpoint{route: "POST /clients/{client}/unlocks", body: requiredBody}
	return serve(e, p, func(ctx context.Context, r *request[unlockManyBody]) (any, error) {
		wanted, err := wantedOf(e.Key, r.Client, r.Body.Usernames.values)
		if err != nil {
			return nil, err
		}
		b := bulkUnlock{request: r, edge: e, route: p.route, unlocker: unlocker, users: users}
		rows := make([]unlockRow, len(wanted))
		var work errgroup.Group
		work.SetLimit(parallelUnlocks)
		for i, one := range wanted {
			work.Go(func() error {
				rows[i] = b.row(ctx, one)
				return nil
			})
		}
		return unlockManyAnswer{Results: rows}, work.Wait()
	})
}

type unlockManyBody struct {
	Usernames           texts `json:"usernames"`
	Reason              text  `json:"reason"`
	IdentityConfirmedBy text  `json:"identity_confirmed_by"`
}

func (b unlockManyBody) check() []fault {
	var faults []fault
	usernames := b.Usernames.values
	odd := func(name string) bool { return name == "" || len(name) > maxUsername }
	switch {
	case !b.Usernames.given:
		faults = append(faults, fault{"usernames", "is required"})
	case len(usernames) == 0 || len(usernames) > maxUnlocks:
		faults = append(faults, fault{"usernames", fmt.Sprintf("must hold 1 to %d names", maxUnlocks)})
	case slices.ContainsFunc(usernames, odd):
		faults = append(faults, fault{"usernames", fmt.Sprintf("must hold names of 1 to %d bytes", maxUsername)})
	}
	faults = append(faults, b.Reason.line("reason", maxReason)...)
	return append(faults, b.IdentityConfirmedBy.line("identity_confirmed_by", maxIdentityConfirmedBy)...)
}

type unlockManyAnswer struct {
	Results []unlockRow `json:"results"`
}

type unlockRow struct {
	Username string `json:"username"` // as it was sent
	Outcome  string `json:"outcome"`
	// Problem is the type of the problem, as after "urn:portcullis:problem:".
	Problem string `json:"problem,omitzero"`
}

// A wantedUnlock is one name of the request.
type wantedUnlock struct {
	username string // as it was sent
	key      lockout.Key
	nobody   bool // no user can have the name
}

// wantedOf makes the keys of the names. It refuses names that are the same
// user's, since each user has one row.
func wantedOf(key KeyFunc, client string, usernames []string) ([]wantedUnlock, error) {
	wanted := make([]wantedUnlock, len(usernames))
	seen := make(map[string]bool, len(usernames))
	for i, username := range usernames {
		k, err := key(client, username)
		wanted[i] = wantedUnlock{username: username, key: k, nobody: err != nil}
		name := k.Username()
		if err != nil {
			name = username // which is never canonical
		}
		if seen[name] {
			return nil, invalid([]fault{{"usernames", "must not name a user more than once"}})
		}
		seen[name] = true
	}
	return wanted, nil
}

// A bulkUnlock unlocks the users of one request, several at once.
type bulkUnlock struct {
	*request[unlockManyBody]
	edge     Edge
	route    string
	unlocker *lockout.Unlocker
	users    UserExists
}

// row unlocks one user, writes the log line and says what became of it.
func (b bulkUnlock) row(ctx context.Context, one wantedUnlock) unlockRow {
	began := b.edge.Now()
	n := &note{Actor: b.Caller.String(), Client: b.Client, Username: one.username}
	if !one.nobody {
		n.Username = one.key.Username()
	}
	unlocked, err := guarded(func() (lockout.Unlocked, error) { return b.unlock(ctx, one) })
	n.outcome(loginUnlock, err)
	b.edge.record(ctx, n, b.origin, b.route, b.edge.Now().Sub(began), err)
	return rowOf(one.username, unlocked, err)
}

// unlock unlocks one user, if there is time for it.
func (b bulkUnlock) unlock(ctx context.Context, one wantedUnlock) (lockout.Unlocked, error) {
	if one.nobody {
		return lockout.Unlocked{}, errNoUser
	}
	if err := ctx.Err(); err != nil {
		return lockout.Unlocked{}, fmt.Errorf("unlocking in time: %w", err)
	}
	return unlock(ctx, b.unlocker, b.users, b.Caller, lockout.UnlockRequest{
		Key: one.key, Actor: b.Caller.String(),
		Reason: b.Body.Reason.trimmed(), IdentityConfirmedBy: b.Body.IdentityConfirmedBy.trimmed(),
		SourceIP: b.SourceIP, RequestID: b.RequestID,
	})
}

// rowOf says what became of one user.
func rowOf(username string, unlocked lockout.Unlocked, err error) unlockRow {
	if err != nil {
		p := problemOf(err)
		if p.Status == http.StatusNotFound {
			return unlockRow{Username: username, Outcome: rowNotFound}
		}
		return unlockRow{Username: username, Outcome: rowFailed, Problem: p.Slug}
	}
	if !unlocked.WasLocked {
		return unlockRow{Username: username, Outcome: rowNotLocked}
	}
	return unlockRow{Username: username, Outcome: rowUnlocked}
}

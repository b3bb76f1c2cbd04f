package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"portcullis/infra/soak/ledger"
)

// The actions of the trail that verdicts must match.
const (
	lockAction   = "authn_login_lock"
	unlockAction = "authn_login_unlock"
)

// An entry is one of the audit trail.
type entry struct {
	ID, Action, Username string
	RequestID            string `json:"request_id"`
}

// trail returns every entry of an action.
func (s *soak) trail(ctx context.Context, action string) ([]entry, error) {
	var all []entry
	cursor := ""
	for {
		path := "/clients/" + s.tenant + "/audit?limit=100&action=" + action
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		t := s.insist(ctx, func() told { return s.root.call(ctx, "audit", "GET", path, nil) }, func(told) {})
		if t.status != http.StatusOK {
			return nil, fmt.Errorf("reading the trail: status %d %s", t.status, t.Type)
		}
		all = append(all, t.Entries...)
		if cursor = t.NextCursor; cursor == "" {
			return all, nil
		}
	}
}

// matchTrail returns what in the trail is not in the ledger, and the other way
// round. Each lock and each unlock has one entry, under the id of the request
// that was told so; only of requests whose answers were lost there may be more.
func matchTrail(book *ledger.Ledger, accounts []ledger.Account, locks, unlocks []entry) []string {
	m := matching{locks: byUser(locks), unlocks: byUser(unlocks)}
	for _, account := range accounts {
		m.user(account, book.Ops(account.User))
	}
	for user, entries := range m.locks {
		m.differ("%d locks of %q are in the trail, of whom nothing is known", len(entries), user)
	}
	for user, entries := range m.unlocks {
		m.differ("%d unlocks of %q are in the trail, of whom nothing is known", len(entries), user)
	}
	return m.differences
}

type matching struct {
	locks, unlocks map[string][]entry // by user; of those who were not looked at yet
	differences    []string
}

func byUser(entries []entry) map[string][]entry {
	all := make(map[string][]entry)
	for _, e := range entries {
		all[e.Username] = append(all[e.Username], e)
	}
	return all
}

func (m *matching) differ(format string, arguments ...any) {
	m.differences = append(m.differences, fmt.Sprintf(format, arguments...))
}

// user matches the entries of one user, and takes them off.
func (m *matching) user(account ledger.Account, ops []ledger.Op) {
	told := newRequests(ops)
	locks, unlocks := m.locks[account.User], m.unlocks[account.User]
	delete(m.locks, account.User)
	delete(m.unlocks, account.User)
	if len(locks) < account.LowLocks || len(locks) > account.HighLocks {
		m.differ("%q was locked %d to %d times, and the trail has %d", account.User, account.LowLocks, account.HighLocks, len(locks))
	}
	m.entries(account.User, locks, told.locked, told.unheardLocks)
	m.entries(account.User, unlocks, told.unlocked, told.unheardUnlocks)
	found := make(map[string]bool)
	for _, e := range unlocks {
		found[e.RequestID] = true
	}
	for id, must := range told.unlocked {
		if must && !found[id] {
			m.differ("%q was unlocked by request %s, and the trail does not say so", account.User, id)
		}
	}
}

// entries finds the request of each entry: one that was told so, or as many as
// were not heard.
func (m *matching) entries(user string, entries []entry, told map[string]bool, unheard int) {
	seen := make(map[string]bool)
	for _, e := range entries {
		if _, heard := told[e.RequestID]; heard && !seen[e.RequestID] {
			seen[e.RequestID] = true
			continue
		}
		if unheard--; unheard < 0 {
			m.differ("%s of %q, entry %s, is of request %s, which was told nothing of it", e.Action, user, e.ID, e.RequestID)
		}
	}
}

// requests are those that may have an entry in the trail, by their ids.
type requests struct {
	locked, unlocked             map[string]bool // true for one that must
	unheardLocks, unheardUnlocks int
}

func newRequests(ops []ledger.Op) requests {
	r := requests{locked: make(map[string]bool), unlocked: make(map[string]bool)}
	for _, o := range ops {
		switch {
		case !o.Heard && o.Kind == ledger.Attempt:
			r.unheardLocks++
		case !o.Heard:
			r.unheardUnlocks++
		case o.Kind == ledger.Attempt && o.Verdict == ledger.Locked:
			r.locked[o.RequestID] = false
		case o.Kind == ledger.Unlock:
			r.unlocked[o.RequestID] = true
		case o.Kind == ledger.Forget:
			r.unlocked[o.RequestID] = false
		}
	}
	return r
}

package main

import (
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"
)

// showTime is how long a lock may take to show in the list of locked users, which
// comes a moment after it (README.md).
const showTime = 30 * time.Second

func lockIsSeen(t *trial) {
	p := t.manager()
	t.lock(p)
	seen := t.look(p)
	if !seen.Locked || seen.LockID == "" || seen.LockedAt == "" || seen.Failed != t.maximum || seen.Maximum != t.maximum || len(seen.Evidence) != t.maximum {
		t.wrongly("the Sysadmin sees %+v, want a lock with its id, its time and %d pieces of evidence", seen, t.maximum)
	}
	if !slices.IsSortedFunc(seen.Evidence, func(a, b evidence) int { return strings.Compare(a.At, b.At) }) {
		t.wrongly("the evidence is not in the order of time: %v", seen.Evidence)
	}
	t.untilListed(p, true)
	t.unlock(p)
	if seen := t.look(p); seen.Locked || seen.LockID != "" || seen.LockedAt != "" || seen.Failed != 0 || len(seen.Evidence) != 0 {
		t.wrongly("after the unlock the Sysadmin sees %+v, want nothing of the lock", seen)
	}
	t.untilListed(p, false)
}

// untilListed waits until the list of locked users has the user, or has not.
func (t *trial) untilListed(p person, want bool) {
	path := "/clients/" + p.client + "/users?locked=true&limit=100&q=" + url.QueryEscape(p.username)
	for deadline := time.Now().Add(min(showTime, t.patience)); ; {
		if t.listed(path, p) == want {
			return
		}
		if time.Now().After(deadline) {
			t.stop("after %v the list of locked users has the user: %t, want %t", showTime, !want, want)
		}
		if sleep(t.ctx, 200*time.Millisecond) != nil {
			runtime.Goexit()
		}
	}
}

// listed reports whether the user is in the list, on whichever page.
func (t *trial) listed(path string, p person) bool {
	for cursor := ""; ; {
		page := into[struct {
			Users []struct {
				Username string `json:"username"`
			} `json:"users"`
			Next string `json:"next_cursor"`
		}](t, t.sysadmin(http.MethodGet, path+cursor, nil, http.StatusOK))
		for _, u := range page.Users {
			if u.Username == p.username {
				return true
			}
		}
		if page.Next == "" {
			return false
		}
		cursor = "&cursor=" + url.QueryEscape(page.Next)
	}
}

// An entry is what the trail says.
type entry struct {
	Action  string `json:"action"`
	Actor   string `json:"actor"`
	Reason  string `json:"reason"`
	Details struct {
		LockID      string     `json:"lock_id"`
		Maximum     int        `json:"max_failed_login_attempts_portal"`
		Previous    int        `json:"previous_max_failed_login_attempts_portal"`
		Failed      int        `json:"failed_attempts"`
		ConfirmedBy string     `json:"identity_confirmed_by"`
		Evidence    []evidence `json:"evidence"`
	} `json:"details"`
}

// entries reads the entries about a user of one kind, newest first.
func (t *trial) entries(p person, action string) []entry {
	path := "/clients/" + p.client + "/audit?limit=100&username=" + url.QueryEscape(p.username) + "&action=" + action
	var all []entry
	for cursor := ""; ; {
		page := into[struct {
			Entries []entry `json:"entries"`
			Next    string  `json:"next_cursor"`
		}](t, t.sysadmin(http.MethodGet, path+cursor, nil, http.StatusOK))
		if all = append(all, page.Entries...); page.Next == "" {
			return all
		}
		cursor = "&cursor=" + url.QueryEscape(page.Next)
	}
}

func trailOfALock(t *trial) {
	p := t.manager()
	t.lock(p)
	t.guess(p)
	seen := t.look(p)
	t.sysadmin(http.MethodPost, p.path()+"/unlock",
		map[string]string{"lock_id": seen.LockID, "reason": " called from her desk phone ", "identity_confirmed_by": "call-back"}, http.StatusOK)
	locks, unlocks := t.entries(p, "authn_login_lock"), t.entries(p, "authn_login_unlock")
	if len(locks) != 1 || len(unlocks) != 1 {
		t.stop("the trail has %d entries of locks and %d of unlocks, want one of each", len(locks), len(unlocks))
	}
	for what, e := range map[string]entry{"lock": locks[0], "unlock": unlocks[0]} {
		d := e.Details
		if d.LockID != seen.LockID || d.Failed != t.maximum || d.Maximum != t.maximum || !slices.Equal(d.Evidence, seen.Evidence) {
			t.wrongly("the entry of the %s says %s, want the lock %s after %d of %d with the evidence that the Sysadmin saw",
				what, encoded(d), seen.LockID, t.maximum, t.maximum)
		}
	}
	unlock := unlocks[0]
	if unlock.Actor != t.root.client+"/"+t.root.username || unlock.Reason != "called from her desk phone" || unlock.Details.ConfirmedBy != "call-back" {
		t.wrongly("the entry of the unlock says %s, %q, %q; want who did it, why, and how the identity was confirmed",
			unlock.Actor, unlock.Reason, unlock.Details.ConfirmedBy)
	}
}

func trailIsGuarded(t *trial) {
	for _, role := range []string{"Superuser", "Manager"} {
		who := t.user(role)
		token := t.login(who, who.password).text("access_token")
		t.expect(t.with(token, http.MethodGet, "/clients/"+who.client+"/audit", nil), http.StatusForbidden, "forbidden", "the trail for a "+role)
	}
	a := t.with("", http.MethodGet, "/clients/"+t.root.client+"/audit", nil)
	t.expect(a, http.StatusUnauthorized, "unauthorized", "the trail for nobody")
}

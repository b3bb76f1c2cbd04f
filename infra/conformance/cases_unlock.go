package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func unlockCases() []testCase {
	return []testCase{
		{name: "unlock/gives the whole budget back", standsFor: of(subwaveBudget), try: unlockGivesAll},
		{name: "unlock/clears a count that has not locked yet", try: unlockClearsCount},
		{name: "unlock/twice is no error", try: unlockTwice},
		{name: "unlock/only a Sysadmin may", try: onlySysadminsUnlock},
		{name: "unlock/only a good access token does", try: onlyGoodTokens},
		{name: "unlock/nobody unlocks themselves", try: nobodyUnlocksThemselves},
		{name: "unlock/not in another client", try: notElsewhere},
		{name: "unlock/another lock's id unlocks nothing", try: staleLockID},
		{name: "unlock/a name that nobody has is not found", try: unlockNobody},
		{name: "unlock/a body that is wrong unlocks nothing", try: badUnlocks},
		{name: "unlock/many at once says for each what became of it", try: bulkUnlock},
		{name: "unlock/many at once is refused whole where the list is wrong", try: badBulkUnlocks},
		{name: "unlock/the lock is seen where Sysadmins look, and its end too", try: lockIsSeen},
		{name: "unlock/the lock and the unlock are in the trail with their evidence", try: trailOfALock},
		{name: "unlock/the trail is for Sysadmins", try: trailIsGuarded},
	}
}

func unlockGivesAll(t *trial) {
	p := t.manager()
	for range 2 {
		t.lock(p)
		if a := t.unlock(p); a.body["was_locked"] != true || a.body["failed_attempts"] != float64(t.maximum) {
			t.wrongly("the unlock says was_locked: %v, failed_attempts: %v; want true and %d", a.body["was_locked"], a.body["failed_attempts"], t.maximum)
		}
		t.expectWholeBudget(p, "after the unlock")
	}
}

func unlockClearsCount(t *trial) {
	p := t.manager()
	t.failTimes(p, t.maximum-1)
	if a := t.unlock(p); a.body["was_locked"] != false || a.body["failed_attempts"] != float64(t.maximum-1) {
		t.wrongly("the unlock says was_locked: %v, failed_attempts: %v; want false and %d", a.body["was_locked"], a.body["failed_attempts"], t.maximum-1)
	}
	t.expectWholeBudget(p, "after the unlock")
}

func unlockTwice(t *trial) {
	p := t.manager()
	t.lock(p)
	t.unlock(p)
	if a := t.unlock(p); a.body["was_locked"] != false || a.body["failed_attempts"] != 0.0 {
		t.wrongly("the second unlock says was_locked: %v, failed_attempts: %v; want false and 0", a.body["was_locked"], a.body["failed_attempts"])
	}
	t.expectIn(t.login(p, p.password), p, "after both")
}

// expectStillLocked wants that an unlock that was refused did nothing.
func (t *trial) expectStillLocked(p person, when string) {
	if !t.look(p).Locked {
		t.wrongly("%s: the user is not locked any more", when)
	}
}

func onlySysadminsUnlock(t *trial) {
	p := t.manager()
	t.lock(p)
	for _, role := range []string{"Superuser", "Manager", "ITUser"} {
		who := t.user(role)
		token := t.login(who, who.password).text("access_token")
		t.expect(t.with(token, http.MethodPost, p.path()+"/unlock", map[string]any{}), http.StatusForbidden, "forbidden", "an unlock by a "+role)
		many := t.with(token, http.MethodPost, "/clients/"+p.client+"/unlocks", map[string]any{"usernames": []string{p.username}})
		t.expect(many, http.StatusForbidden, "forbidden", "an unlock of many by a "+role)
		t.expectStillLocked(p, "after a "+role+"'s unlocks")
	}
}

func onlyGoodTokens(t *trial) {
	p, helper := t.manager(), t.user("Sysadmin")
	t.lock(p)
	in := t.login(helper, helper.password)
	token := in.text("access_token")
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.stop("the access token is no JWT of three parts")
	}
	for what, bad := range map[string]string{
		"no token": "", "text for a token": "x", "the ID token": in.text("id_token"), "the refresh token": in.text("refresh_token"),
		"a token without a signature":         parts[0] + "." + parts[1] + ".",
		"a token that says it is not signed":  "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + parts[1] + ".",
		"a token with another's signature":    parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"a token with a byte of it changed":   flipped(parts, 2),
		"a token with a byte of what it says": flipped(parts, 1),
	} {
		a := t.with(bad, http.MethodPost, p.path()+"/unlock", map[string]any{})
		t.expect(a, http.StatusUnauthorized, "unauthorized", what)
	}
	basic := request{method: http.MethodPost, path: p.path() + "/unlock", header: http.Header{"Authorization": {"Basic cm9vdDpyb290"}}}
	t.expect(t.send(basic), http.StatusUnauthorized, "unauthorized", "a user and a password for a token")
	t.expectStillLocked(p, "after tokens that are not good")
	t.demoted(p, helper, token)
}

// demoted has a Sysadmin become less while their token is out.
func (t *trial) demoted(p, helper person, token string) {
	t.sysadmin(http.MethodPut, helper.path(), map[string]string{"role": "ITUser"}, http.StatusOK)
	a := t.with(token, http.MethodPost, p.path()+"/unlock", map[string]any{})
	if a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
		t.wrongly("the token of somebody who was a Sysadmin: got %s, want 401", a)
	}
	t.sysadmin(http.MethodDelete, helper.path(), nil, http.StatusNoContent)
	if a := t.with(token, http.MethodPost, p.path()+"/unlock", map[string]any{}); a.status != http.StatusUnauthorized {
		t.wrongly("the token of somebody who was deleted: got %s, want 401", a)
	}
	t.expectStillLocked(p, "after them")
}

// flipped changes a character in the middle of a part of a token.
func flipped(parts []string, which int) string {
	changed := slices.Clone(parts)
	part := []byte(changed[which])
	middle := len(part) / 2
	if part[middle] == 'A' {
		part[middle] = 'B'
	} else {
		part[middle] = 'A'
	}
	changed[which] = string(part)
	return strings.Join(changed, ".")
}

func nobodyUnlocksThemselves(t *trial) {
	who := t.user("Sysadmin")
	token := t.login(who, who.password).text("access_token")
	t.lock(who)
	t.expect(t.with(token, http.MethodPost, who.path()+"/unlock", map[string]any{}), http.StatusForbidden, "forbidden", "a Sysadmin's unlock of themselves")
	many := t.with(token, http.MethodPost, "/clients/"+who.client+"/unlocks", map[string]any{"usernames": []string{who.username}})
	if rows := into[bulkRows](t, many).Results; len(rows) != 1 || rows[0].Outcome != "failed" {
		t.wrongly("a Sysadmin's unlock of themselves among many: got %v, want it failed", rows)
	}
	wide := person{client: who.client, username: fullWidth(who.username)}
	if a := t.with(token, http.MethodPost, wide.path()+"/unlock", map[string]any{}); a.status == http.StatusOK {
		t.wrongly("a Sysadmin's unlock of themselves in full-width letters: got %s, want 403", a)
	}
	t.expectStillLocked(who, "after it")
}

func notElsewhere(t *trial) {
	p := t.manager()
	t.lock(p)
	elsewhere := "/clients/" + strings.TrimSuffix(t.run, "-")
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPost, "/users/" + p.username + "/unlock", map[string]any{}},
		{http.MethodPost, "/unlocks", map[string]any{"usernames": []string{p.username}}},
		{http.MethodGet, "/users/" + p.username, nil}, {http.MethodGet, "/audit", nil}, {http.MethodGet, "/policy", nil},
		{http.MethodPut, "/policy", map[string]any{"max_failed_login_attempts_portal": 9}},
	} {
		a := t.as(t.admin, call.method, elsewhere+call.path, call.body)
		t.expect(a, http.StatusForbidden, "forbidden", fmt.Sprintf("%s %s of another client", call.method, call.path))
	}
	t.expectStillLocked(p, "after it")
}

func staleLockID(t *trial) {
	p := t.manager()
	t.lock(p)
	first := t.look(p).LockID
	t.unlock(p)
	t.lock(p)
	current := t.look(p).LockID
	for what, id := range map[string]string{"the id of the lock before": first, "an id of no lock": "01JZZZZZZZZZZZZZZZZZZZZZZZ"} {
		a := t.as(t.admin, http.MethodPost, p.path()+"/unlock", map[string]string{"lock_id": id})
		t.expect(a, http.StatusConflict, "conflict", "an unlock by "+what)
		if a.text("current") != current {
			t.wrongly("an unlock by %s is told that %q is current, want %q", what, a.text("current"), current)
		}
	}
	t.expectStillLocked(p, "after other locks' ids")
	a := t.as(t.admin, http.MethodPost, p.path()+"/unlock", map[string]string{"lock_id": current})
	if a.status != http.StatusOK || a.body["was_locked"] != true {
		t.wrongly("an unlock by the lock's own id: got %s, want 200", a)
	}
	a = t.as(t.admin, http.MethodPost, p.path()+"/unlock", map[string]string{"lock_id": current})
	t.expect(a, http.StatusConflict, "conflict", "the same once more, without a lock")
}

func unlockNobody(t *trial) {
	stranger := t.stranger()
	for range t.maximum {
		t.guess(stranger)
	}
	a := t.as(t.admin, http.MethodPost, stranger.path()+"/unlock", map[string]any{})
	t.expect(a, http.StatusNotFound, "not-found", "an unlock of a name that nobody has")
	t.expectLocked(t.guess(stranger), "the name after it")
}

func badUnlocks(t *trial) {
	p := t.manager()
	t.lock(p)
	for what, body := range map[string]any{
		"an unknown field": map[string]any{"force": true}, "a lock_id that is a number": map[string]any{"lock_id": 1},
		"a lock_id that is null": map[string]any{"lock_id": nil}, "an empty lock_id": map[string]any{"lock_id": ""},
		"a reason of two lines": map[string]any{"reason": "one\ntwo"}, "a reason that is too long": map[string]any{"reason": strings.Repeat("x", 501)},
		"an array": []string{}, "a string": "unlock",
	} {
		t.expect(t.as(t.admin, http.MethodPost, p.path()+"/unlock", body), http.StatusBadRequest, "invalid-request", what)
	}
	t.expectStillLocked(p, "after bodies that are wrong")
}

type bulkRows struct {
	Results []struct {
		Username string `json:"username"`
		Outcome  string `json:"outcome"`
	} `json:"results"`
}

func bulkUnlock(t *trial) {
	locked, counted, free, stranger := t.manager(), t.manager(), t.manager(), t.stranger()
	t.lock(locked)
	t.failTimes(counted, t.maximum-1)
	names := []string{stranger.username, locked.username, free.username, counted.username}
	a := t.sysadmin(http.MethodPost, "/clients/"+locked.client+"/unlocks", map[string]any{"usernames": names, "reason": "a test"}, http.StatusOK)
	var got []string
	for _, row := range into[bulkRows](t, a).Results {
		got = append(got, row.Username+" "+row.Outcome)
	}
	want := []string{stranger.username + " not_found", locked.username + " unlocked", free.username + " not_locked", counted.username + " not_locked"}
	if !slices.Equal(got, want) {
		t.wrongly("got the rows %q, want %q", got, want)
	}
	t.expectWholeBudget(locked, "who was locked")
	t.expectWholeBudget(counted, "who had failed without a lock")
}

func badBulkUnlocks(t *trial) {
	p := t.manager()
	t.lock(p)
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("%s%d", t.run, i)
	}
	many[0] = p.username
	for what, names := range map[string]any{
		"nobody": []string{}, "a name twice": []string{p.username, p.username}, "a name in two spellings": []string{p.username, fullWidth(p.username)},
		"101 names": many, "a string": p.username, "null": nil, "an empty name": []string{p.username, ""}, "a number": []any{p.username, 1},
	} {
		a := t.as(t.admin, http.MethodPost, "/clients/"+p.client+"/unlocks", map[string]any{"usernames": names})
		t.expect(a, http.StatusBadRequest, "invalid-request", "an unlock of "+what)
	}
	t.expectStillLocked(p, "after lists that are wrong")
}

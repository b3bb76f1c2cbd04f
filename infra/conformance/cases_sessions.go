package main

import (
	"fmt"
	"net/http"
)

func sessionCases() []testCase {
	return []testCase{
		{name: "sessions/a locked user's refresh token is refused, and good again after the unlock",
			standsFor: of(keycloakCIBA, wso2Refresh), try: lockClosesRefresh},
		{name: "sessions/a new password does not unlock", try: passwordDoesNotUnlock},
		{name: "sessions/a new password ends the sessions and leaves the count", standsFor: of(ferriskeyRevoke), try: passwordEndsSessions},
		{name: "sessions/whoever is created under a deleted name inherits no lock, no count and no session", try: createdAnew},
		{name: "sessions/whoever is created under a name that was guessed at is not locked", try: lockedBeforehand},
		{name: "sessions/a Superuser opens no lock by deleting", try: superuserDeletes},
		{name: "sessions/refresh tokens that are not good count against nobody", try: badRefreshTokens},
		{name: "sessions/a logout ends one session alone", try: logout},
	}
}

func (t *trial) renew(refreshToken string) answer {
	return t.send(tokenRequest("/token", refreshToken))
}

// expectRenewed wants new tokens.
func (t *trial) expectRenewed(a answer, when string) {
	if a.status != http.StatusOK || a.text("access_token") == "" {
		t.wrongly("%s: got %s, want 200 and tokens", when, a)
	}
}

func lockClosesRefresh(t *trial) {
	p := t.manager()
	refreshToken := t.login(p, p.password).text("refresh_token")
	t.expectRenewed(t.renew(refreshToken), "the refresh token before the lock")
	t.lock(p)
	t.expectLocked(t.renew(refreshToken), "the refresh token at a lock")
	t.unlock(p)
	t.expectRenewed(t.renew(refreshToken), "the refresh token after the unlock")
}

func (t *trial) setPassword(p *person) {
	p.password = rightPassword()
	t.sysadmin(http.MethodPut, p.path()+"/password", map[string]string{"password": p.password}, http.StatusNoContent)
}

func passwordDoesNotUnlock(t *trial) {
	p := t.manager()
	before := p.password
	t.lock(p)
	t.setPassword(&p)
	t.expectLocked(t.login(p, p.password), "the new password at the lock")
	t.expectStillLocked(p, "after a new password")
	t.unlock(p)
	t.expectWrong(t.login(p, before), t.maximum-1, "the old password after the unlock")
	t.expectIn(t.login(p, p.password), p, "the new password after the unlock")
}

func passwordEndsSessions(t *trial) {
	p := t.manager()
	refreshToken := t.login(p, p.password).text("refresh_token")
	t.failTimes(p, t.maximum-2)
	t.setPassword(&p)
	t.expect(t.renew(refreshToken), http.StatusUnauthorized, "unauthorized", "a session from before the new password")
	t.expectWrong(t.guess(p), 1, fmt.Sprintf("a wrong password after %d and a new password", t.maximum-2))
	t.expectIn(t.login(p, p.password), p, "the new password")
}

func createdAnew(t *trial) {
	locked, counted := t.manager(), t.manager()
	for _, p := range []person{locked, counted} {
		refreshToken := t.login(p, p.password).text("refresh_token")
		t.failTimes(p, t.maximum-1)
		if p == locked {
			t.guess(p)
		}
		t.sysadmin(http.MethodDelete, p.path(), nil, http.StatusNoContent)
		t.expect(t.renew(refreshToken), http.StatusUnauthorized, "unauthorized", "the session of a user who was deleted")
		anew := t.userNamed(p.username, "ITUser")
		t.expect(t.renew(refreshToken), http.StatusUnauthorized, "unauthorized", "the session of a user of the same name before")
		if seen := t.look(anew); seen.Locked || seen.Failed != 0 {
			t.wrongly("who was created anew is seen as locked: %t, with %d failures", seen.Locked, seen.Failed)
		}
		t.expectWrong(t.login(anew, p.password), t.maximum-1, "the password of the user before")
		t.expectIn(t.login(anew, anew.password), anew, "who was created anew")
	}
}

func lockedBeforehand(t *trial) {
	stranger := t.stranger()
	for range t.maximum {
		t.guess(stranger)
	}
	t.expectLocked(t.guess(stranger), "a name that nobody has, after as many guesses as lock")
	p := t.userNamed(stranger.username, "Manager")
	t.expectWholeBudget(p, "who was created under the name")
}

func superuserDeletes(t *trial) {
	p, who := t.manager(), t.user("Superuser")
	token := t.login(who, who.password).text("access_token")
	t.lock(p)
	t.expect(t.with(token, http.MethodDelete, p.path(), nil), http.StatusForbidden, "forbidden", "a Superuser deletes who is locked")
	t.expectStillLocked(p, "after it")
	if a := t.with(token, http.MethodPut, p.path()+"/password", map[string]string{"password": rightPassword()}); a.status == http.StatusNoContent {
		t.expectStillLocked(p, "after a Superuser set a password")
	}
}

func badRefreshTokens(t *trial) {
	p := t.manager()
	in := t.login(p, p.password)
	good := in.text("refresh_token")
	for what, token := range map[string]string{
		"text": "x", "the access token": in.text("access_token"), "the ID token": in.text("id_token"),
		"one cut off": good[:len(good)/2], "one with more after it": good + "x",
	} {
		t.expect(t.renew(token), http.StatusUnauthorized, "unauthorized", "for a refresh token "+what)
	}
	if seen := t.look(p); seen.Failed != 0 {
		t.wrongly("refresh tokens that are not good count: the Sysadmin sees %d failures", seen.Failed)
	}
	t.expectRenewed(t.renew(good), "the refresh token itself")
}

func logout(t *trial) {
	p := t.manager()
	one, other := t.login(p, p.password).text("refresh_token"), t.login(p, p.password).text("refresh_token")
	for range 2 {
		if a := t.send(tokenRequest("/logout", one)); a.status != http.StatusNoContent {
			t.wrongly("a logout: got %s, want 204", a)
		}
		t.expect(t.renew(one), http.StatusUnauthorized, "unauthorized", "a session that was logged out")
	}
	t.expectRenewed(t.renew(other), "the user's other session")
}

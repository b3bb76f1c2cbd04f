package e2e_test

import (
	"net/http"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// An act is one request that faults are tried on.
type act struct {
	name   string
	making making // of whom it is done to
	// maximum is what the client has set before it; 0 for nothing.
	maximum int
	// sets says that it changes the client's maximum.
	sets bool
	// request is the method, the path and the body; the path may hold NAME.
	method, path string
	body         func(s *subject) any
	admin        bool // as the Sysadmin
	// again is what the act is answered when it has been done already; 0 for the
	// same answer as before.
	again int
	// trouble is an answer of 200 that tells of a fault in its own way.
	trouble string
	// quietly are the parts of the change that may fail without a word.
	quietly func(s *state)
	// inSteps says that it writes more than one transaction, between which it may
	// end; each has its own entry.
	inSteps bool
	// moreEntries says that the trail may tell of the act also where it failed.
	moreEntries bool
}

func (a act) send(b *bench, s *subject) (answer, error) {
	var body any
	if a.body != nil {
		body = a.body(s)
	}
	token := ""
	if a.admin {
		token = b.token
	}
	return b.try(a.method, replaceAll(a.path, "CLIENT", b.client, "NAME", s.user.Username), token, body)
}

func loginWith(password string) func(*subject) any {
	return func(s *subject) any {
		return map[string]string{"client": s.user.Client, "username": s.user.Username, "password": password}
	}
}

func refreshToken(s *subject) any { return map[string]string{"refresh_token": s.refresh} }

func says(body map[string]any) func(*subject) any { return func(*subject) any { return body } }

const (
	loginPath  = "/login"
	usersPath  = "/clients/CLIENT/users"
	userPath1  = "/clients/CLIENT/users/NAME"
	policyPath = "/clients/CLIENT/policy"
)

// loginActs are those whose answers must not tell a right password from a wrong
// one while a store fails.
var loginActs = []act{
	{name: "a right login", making: making{enrolled: true, failed: 2}, method: "POST", path: loginPath, body: loginWith(goodPassword)},
	{name: "a wrong login", making: making{failed: 2}, method: "POST", path: loginPath, body: loginWith(otherPassword)},
	{name: "a wrong login of nobody", making: making{unknown: true}, method: "POST", path: loginPath, body: loginWith(otherPassword)},
	{name: "the wrong login that locks", making: making{failed: lockout.DefaultMaximum - 1}, method: "POST", path: loginPath, body: loginWith(otherPassword)},
	{name: "a right login of a locked user", making: making{enrolled: true, locked: true}, method: "POST", path: loginPath, body: loginWith(goodPassword)},
	{name: "a right login after five that died", making: making{enrolled: true, abandoned: lockout.DefaultMaximum},
		method: "POST", path: loginPath, body: loginWith(goodPassword)},
	{name: "a right login with an old hash", making: making{enrolled: true, outdated: true}, method: "POST", path: loginPath,
		body: loginWith(goodPassword), quietly: func(s *state) { s.Password = "any" }},
}

var otherActs = []act{
	{name: "a session goes on", making: making{session: true}, method: "POST", path: "/token", body: refreshToken},
	{name: "a session of a locked user", making: making{session: true, locked: true}, method: "POST", path: "/token", body: refreshToken},
	{name: "a logout", making: making{session: true}, method: "POST", path: "/logout", body: refreshToken},

	{name: "an unlock", making: making{locked: true}, method: "POST", path: userPath1 + "/unlock", admin: true},
	{name: "an unlock of one who is not locked", making: making{failed: 2}, method: "POST", path: userPath1 + "/unlock", admin: true},
	{name: "an unlock of another lock", making: making{locked: true}, method: "POST", path: userPath1 + "/unlock", admin: true,
		body: says(map[string]any{"lock_id": "01J00000000000000000000000"})},
	{name: "an unlock of many", making: making{locked: true}, method: "POST", path: "/clients/CLIENT/unlocks", admin: true,
		body:    func(s *subject) any { return map[string]any{"usernames": []string{s.user.Username, "nobody"}} },
		trouble: `"outcome":"failed"`},

	{name: "a policy is set", sets: true, method: "PUT", path: policyPath, admin: true, moreEntries: true,
		body: says(map[string]any{"max_failed_login_attempts_portal": 7})},
	{name: "a policy is set on a version", maximum: 3, sets: true, method: "PUT", path: policyPath, admin: true, moreEntries: true,
		body: says(map[string]any{"max_failed_login_attempts_portal": 7, "version": 1}), again: http.StatusConflict},
	{name: "a policy is taken back", maximum: 3, sets: true, method: "DELETE", path: policyPath, admin: true, moreEntries: true},

	{name: "a policy is read", maximum: 3, method: "GET", path: policyPath, admin: true},
	{name: "users are found", making: making{failed: 2}, method: "GET", path: usersPath + "?q=NAME", admin: true},
	{name: "users are paged", method: "GET", path: usersPath + "?limit=1", admin: true},
	{name: "locked users are found", making: making{locked: true}, method: "GET", path: usersPath + "?locked=true&q=NAME", admin: true},
	{name: "a user is read", making: making{failed: 2}, method: "GET", path: userPath1, admin: true},
	{name: "the trail is read", making: making{locked: true}, method: "GET", path: "/clients/CLIENT/audit?username=NAME", admin: true},
	{name: "the trail is paged", making: making{locked: true}, method: "GET", path: "/clients/CLIENT/audit?limit=1", admin: true},
	{name: "the health is asked", method: "GET", path: "/health"},

	{name: "a user is created", making: making{unknown: true}, method: "POST", path: usersPath, admin: true, again: http.StatusConflict,
		body: newUser},
	{name: "a user is created whose name somebody locked", making: making{unknown: true, locked: true}, method: "POST", path: usersPath,
		admin: true, again: http.StatusConflict, body: newUser, inSteps: true},
	{name: "a user is made a Sysadmin", making: making{enrolled: true}, method: "PUT", path: userPath1, admin: true,
		body: says(map[string]any{"role": "Sysadmin"})},
	{name: "a Sysadmin is made a Manager", making: making{enrolled: true, role: access.Sysadmin}, method: "PUT", path: userPath1, admin: true,
		body: says(map[string]any{"role": "Manager"})},
	{name: "a user gets another name", making: making{enrolled: true}, method: "PUT", path: userPath1, admin: true,
		body: says(map[string]any{"name": "Another Name"})},
	{name: "a password is set", making: making{enrolled: true}, method: "PUT", path: userPath1 + "/password", admin: true,
		body: says(map[string]any{"password": otherPassword})},
	{name: "a locked user is deleted", making: making{enrolled: true, locked: true}, method: "DELETE", path: userPath1, admin: true,
		again: http.StatusNotFound, inSteps: true},
}

func newUser(s *subject) any {
	return map[string]string{"username": s.user.Username, "role": "Manager", "name": "A Name", "password": goodPassword}
}

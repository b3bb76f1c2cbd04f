package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"
)

// A person is a user of a run, or a name that nobody has.
type person struct {
	client, username, password string
}

func (p person) path() string {
	return "/clients/" + segment(p.client) + "/users/" + segment(p.username)
}

// wrongPassword returns a password that is nobody's.
func wrongPassword() string { return "wrong-" + rand.Text() + "-1" }

func rightPassword() string { return "Right-" + rand.Text() + "-1" }

func encoded(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of strings, numbers and maps of them, which encode
	}
	return text
}

func loginRequest(p person, password string) request {
	return request{method: http.MethodPost, path: "/login", body: encoded(map[string]string{
		"client": p.client, "username": p.username, "password": password,
	})}
}

func tokenRequest(path, refreshToken string) request {
	return request{method: http.MethodPost, path: path, body: encoded(map[string]string{"refresh_token": refreshToken})}
}

func policyBody(maximum any) []byte {
	return encoded(map[string]any{"max_failed_login_attempts_portal": maximum})
}

// name returns a name of this run that was not there before.
func (u *suite) name() string { return u.run + strings.ToLower(rand.Text()[:12]) }

// stranger returns a person whom nobody made.
func (t *trial) stranger() person { return person{client: t.root.client, username: t.name()} }

// user makes a user of a role.
func (t *trial) user(role string) person { return t.userNamed(t.name(), role) }

// manager makes a user who may do nothing in particular.
func (t *trial) manager() person { return t.user("Manager") }

// userNamed makes a user of a name and a role, who is deleted after the case.
func (t *trial) userNamed(username, role string) person {
	p := person{client: t.root.client, username: username, password: rightPassword()}
	t.create(t.admin, p, role)
	return p
}

// create makes a user as the Sysadmin of a session.
func (t *trial) create(as *session, p person, role string) {
	t.mu.Lock()
	t.people = append(t.people, p)
	t.mu.Unlock()
	a := t.as(as, http.MethodPost, "/clients/"+p.client+"/users", map[string]string{
		"username": p.username, "role": role, "password": p.password,
	})
	if a.status != http.StatusCreated {
		t.stop("creating a %s named %q: got %s, want 201", role, p.username, a)
	}
}

// remove deletes a user; one who is not there is no error.
func (u *suite) remove(ctx context.Context, p person) error {
	as := u.admin
	if p.client != u.root.client {
		as = u.foreign
	}
	a, err := as.send(ctx, request{method: http.MethodDelete, path: p.path()})
	if err != nil || a.status != http.StatusNoContent && a.status != http.StatusNotFound {
		return fmt.Errorf("the user %s/%s is left and has to be deleted by hand: got %s, %w", p.client, p.username, a, err)
	}
	return nil
}

// as sends a request as the Sysadmin of a session.
func (t *trial) as(s *session, method, path string, body any) answer {
	token, err := s.good(t.ctx)
	if t.ctx.Err() != nil {
		runtime.Goexit()
	}
	if err != nil {
		t.stop("%v", err)
	}
	return t.with(token, method, path, body)
}

// sysadmin sends a request as the Sysadmin, and wants a status.
func (t *trial) sysadmin(method, path string, body any, want int) answer {
	a := t.as(t.admin, method, path, body)
	if a.status != want {
		t.stop("%s %s as the Sysadmin: got %s, want %d", method, path, a, want)
	}
	return a
}

// with sends a request with a token, and a body where there is one.
func (t *trial) with(token, method, path string, body any) answer {
	r := request{method: method, path: path, token: token}
	if body != nil {
		r.body = encoded(body)
	}
	return t.send(r)
}

// login tries a password, and again where other attempts are in the way.
func (t *trial) login(p person, password string) answer {
	return t.patiently(loginRequest(p, password))
}

// patiently sends a request again while other attempts of its user are in
// flight, which is what a 429 asks for.
func (t *trial) patiently(r request) answer {
	deadline := time.Now().Add(t.patience)
	for {
		a := t.send(r)
		if a.slug() != "too-many-attempts" || time.Now().After(deadline) {
			return a
		}
		if sleep(t.ctx, max(retryAfter(a), time.Second)) != nil {
			runtime.Goexit()
		}
	}
}

// guess tries a wrong password.
func (t *trial) guess(p person) answer { return t.login(p, wrongPassword()) }

// burst sends guesses at once and returns the answers, in the order of the
// passwords.
func (t *trial) burst(p person, passwords []string) []answer {
	all := make([]answer, len(passwords))
	t.together(len(passwords), func(i int) { all[i] = t.send(loginRequest(p, passwords[i])) })
	return all
}

// guesses returns n wrong passwords.
func guesses(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = wrongPassword()
	}
	return all
}

// tally counts answers by their status.
func tally(all []answer) map[int]int {
	counts := map[int]int{}
	for _, a := range all {
		counts[a.status]++
	}
	return counts
}

// failTimes makes n wrong attempts that do not lock.
func (t *trial) failTimes(p person, n int) {
	for range n {
		if a := t.guess(p); a.status != http.StatusUnauthorized {
			t.stop("a wrong password of %s before the last: got %s, want 401", p.username, a)
		}
	}
}

// lock locks a user by wrong passwords.
func (t *trial) lock(p person) {
	t.failTimes(p, t.maximum-1)
	if a := t.guess(p); a.status != http.StatusLocked {
		t.stop("the last of %d wrong passwords of %s: got %s, want 423", t.maximum, p.username, a)
	}
}

// unlock unlocks a user as the Sysadmin.
func (t *trial) unlock(p person) answer {
	return t.sysadmin(http.MethodPost, p.path()+"/unlock", map[string]any{}, http.StatusOK)
}

// A view is a user as the Sysadmin sees them.
type view struct {
	Locked   bool       `json:"locked"`
	LockID   string     `json:"lock_id"`
	LockedAt string     `json:"locked_at"`
	Failed   int        `json:"failed_attempts"`
	Maximum  int        `json:"max_failed_attempts"`
	Evidence []evidence `json:"evidence"`
}

type evidence struct {
	At        string `json:"at"`
	SourceIP  string `json:"source_ip"`
	UserAgent string `json:"user_agent"`
}

// look reads a user as the Sysadmin.
func (t *trial) look(p person) view {
	a := t.sysadmin(http.MethodGet, p.path(), nil, http.StatusOK)
	return into[view](t, a)
}

// into decodes an answer.
func into[V any](t *trial, a answer) V {
	var v V
	if err := json.Unmarshal(a.raw, &v); err != nil {
		t.stop("got %s, which is not as openapi.yaml says: %v", a, err)
	}
	return v
}

// The four things a tester expects of a login. When says after what.

func (t *trial) expectWrong(a answer, remaining int, when string) {
	if a.status != http.StatusUnauthorized || a.slug() != "invalid-credentials" || a.remaining() != remaining {
		t.wrongly("%s: got %s, want 401 invalid-credentials with %d remaining", when, a, remaining)
	}
}

func (t *trial) expectLocked(a answer, when string) {
	t.expect(a, http.StatusLocked, "user-locked", when)
}

func (t *trial) expectIn(a answer, p person, when string) {
	user, _ := a.body["user"].(map[string]any)
	if a.status != http.StatusOK || a.text("access_token") == "" {
		t.wrongly("%s: got %s, want 200 and tokens", when, a)
	} else if user["username"] != p.username || user["client"] != p.client {
		t.wrongly("%s: got the session of %v, want that of %s/%s", when, user, p.client, p.username)
	}
}

func (t *trial) expect(a answer, status int, slug, when string) {
	if a.status != status || a.slug() != slug {
		t.wrongly("%s: got %s, want %d %s", when, a, status, slug)
	}
}

// expectWholeBudget makes as many wrong attempts as do not lock, and a right one.
func (t *trial) expectWholeBudget(p person, when string) {
	for left := t.maximum - 1; left >= 1; left-- {
		t.expectWrong(t.guess(p), left, when)
	}
	t.expectIn(t.login(p, p.password), p, when+", the right password at the last attempt")
}

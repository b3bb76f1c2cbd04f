package main

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"
)

func edgeCases() []testCase {
	return []testCase{
		{name: "edge/headers that name another address, user or session reset nothing",
			standsFor: of(kanboardHeader, oryxHeader), try: spoofedHeaders},
		{name: "edge/the evidence holds the address of the connection and none of a header", standsFor: of(oryxHeader), try: evidenceAddress},
		{name: "edge/other paths and methods do not get round the count", try: otherPaths},
		{name: "edge/hanging up before the answer does not undo the count", try: hangingUp},
		{name: "edge/a body that comes slowly is one attempt", try: slowBody},
		{name: "edge/a body that never comes whole is none", try: cutBody},
		{name: "edge/no answer may be stored, and each has an id of its own", try: headersOfAnswers},
	}
}

// spoofedHeaders sends each attempt as from somewhere else.
func spoofedHeaders(t *trial) {
	p := t.manager()
	for i := range t.maximum {
		r := loginRequest(p, wrongPassword())
		r.header = elsewhere(i)
		a := t.patiently(r)
		when := fmt.Sprintf("wrong password %d of %d, as from elsewhere", i+1, t.maximum)
		if i < t.maximum-1 {
			t.expectWrong(a, t.maximum-1-i, when)
		} else {
			t.expectLocked(a, when)
		}
	}
	r := loginRequest(p, p.password)
	r.header = elsewhere(t.maximum)
	t.expectLocked(t.patiently(r), "the right password at the lock, as from elsewhere")
}

// elsewhere returns the headers by which proxies and frameworks tell of an
// address, a user or a session.
func elsewhere(i int) http.Header {
	h := http.Header{}
	address := fmt.Sprintf("198.51.100.%d", i+1) // of RFC 5737, which is nobody's
	for _, name := range []string{
		"X-Forwarded-For", "X-Real-IP", "X-Client-IP", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr", "X-Cluster-Client-IP",
		"True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "Client-IP", "X-ProxyUser-Ip", "X-Original-Forwarded-For",
	} {
		h.Set(name, address)
	}
	h.Set("Forwarded", "for="+address)
	h.Set("X-Forwarded-Host", fmt.Sprintf("host%d.example", i))
	h.Set("X-Original-URL", "/health")
	h.Set("X-Rewrite-URL", "/health")
	h.Set("X-HTTP-Method-Override", "GET")
	h.Set("X-Request-Id", fmt.Sprintf("mine-%d", i))
	h.Set("X-Correlation-Id", fmt.Sprintf("mine-%d", i))
	h.Set("X-Forwarded-User", fmt.Sprintf("user%d", i))
	h.Set("Cookie", fmt.Sprintf("session=%d", i))
	h.Set("User-Agent", fmt.Sprintf("agent/%d", i))
	h.Set("Idempotency-Key", "the same")
	return h
}

func evidenceAddress(t *trial) {
	p := t.manager()
	r := loginRequest(p, wrongPassword())
	r.header = elsewhere(0)
	t.patiently(r)
	seen := t.look(p)
	if len(seen.Evidence) != 1 {
		t.stop("the Sysadmin sees %d pieces of evidence, want 1", len(seen.Evidence))
	}
	if e := seen.Evidence[0]; strings.HasPrefix(e.SourceIP, "198.51.100.") || e.SourceIP == "" {
		t.wrongly("the evidence says that the attempt came from %q, which is what a header said", e.SourceIP)
	} else if e.UserAgent != "agent/0" {
		t.wrongly("the evidence says %q of the user agent, want agent/0", e.UserAgent)
	}
}

// otherPaths sends the budget's worth of guesses and more to paths and by methods
// that are like the login's. Either there is no such route, or the attempt counts
// like any other.
func otherPaths(t *trial) {
	p := t.manager()
	verdicts := 0
	for _, v := range []struct{ method, path string }{
		{"POST", "/login/"}, {"POST", "//login"}, {"POST", "/LOGIN"}, {"POST", "/Login"}, {"POST", "/./login"}, {"POST", "/x/../login"},
		{"POST", "/%6cogin"}, {"POST", "/login%2f"}, {"POST", "/login;x=1"}, {"POST", "/login.json"}, {"POST", "/login%20"}, {"POST", "/login%00"},
		{"POST", "/v1/login"}, {"POST", "/api/login"}, {"PUT", "/login"}, {"PATCH", "/login"}, {"DELETE", "/login"}, {"GET", "/login"}, {"POST", "/token/../login"},
	} {
		for _, password := range []string{wrongPassword(), p.password} {
			r := loginRequest(p, password)
			r.method, r.path, r.offContract = v.method, v.path, true
			a := t.send(r)
			if a.status == http.StatusUnauthorized || a.status == http.StatusLocked || a.status/100 == 2 {
				verdicts++
				t.expectCounted(p, a, v.method+" "+v.path, password == p.password)
			}
		}
	}
	if verdicts == 0 && t.look(p).Failed != 0 {
		t.wrongly("no other path gave a verdict, and there are failures")
	}
	t.unlock(p)
	t.expectWholeBudget(p, "by the path itself, afterwards")
}

// expectCounted wants that an attempt by another path was one like others.
func (t *trial) expectCounted(p person, a answer, by string, right bool) {
	failed := t.look(p).Failed
	switch {
	case right && a.status == http.StatusOK && failed != 0:
		t.wrongly("%s: the right password got in and left %d failures", by, failed)
	case !right && failed == 0:
		t.wrongly("%s: got %s, and nothing was counted", by, a)
	}
}

// hangUps is how often to hang up. What stands before a server may drop a request
// whose sender has left, but not each.
const hangUps = 3

// countTime is how long to wait for a count that nobody hears of.
const countTime = 20 * time.Second

func hangingUp(t *trial) {
	p := t.manager()
	n := min(hangUps, t.maximum-1)
	for range n {
		if err := t.wire.hangUp(t.ctx, loginRequest(p, wrongPassword())); err != nil {
			t.stop("sending: %v", err)
		}
	}
	for deadline := time.Now().Add(min(countTime, t.patience)); ; {
		failed := t.look(p).Failed
		if failed > n {
			t.wrongly("hanging up %d times counted %d failures", n, failed)
		}
		if failed >= n {
			return
		}
		if time.Now().After(deadline) {
			if failed == 0 {
				t.wrongly("of %d wrong passwords whose sender hung up, none was counted", n)
			}
			return
		}
		if sleep(t.ctx, 100*time.Millisecond) != nil {
			runtime.Goexit()
		}
	}
}

// slowPause is between two parts of a slow body.
const slowPause = 150 * time.Millisecond

func slowBody(t *trial) {
	p := t.manager()
	a, err := t.wire.slowly(t.ctx, loginRequest(p, wrongPassword()), slowPause)
	if err != nil {
		t.stop("sending slowly: %v", err)
	}
	t.expectWrong(a, t.maximum-1, "a wrong password that comes slowly")
	if failed := t.look(p).Failed; failed != 1 {
		t.wrongly("it counted %d failures, want 1", failed)
	}
	if a, err = t.wire.slowly(t.ctx, loginRequest(p, p.password), slowPause); err != nil {
		t.stop("sending slowly: %v", err)
	}
	t.expectIn(a, p, "the right password that comes slowly")
}

func cutBody(t *trial) {
	p := t.manager()
	for range t.maximum {
		if err := t.wire.cut(t.ctx, loginRequest(p, wrongPassword())); err != nil {
			t.stop("sending a part: %v", err)
		}
	}
	t.expectUncounted(p)
}

// headersOfAnswers looks at an answer of each kind.
func headersOfAnswers(t *trial) {
	p, stranger := t.manager(), t.stranger()
	token := t.login(p, p.password).text("access_token")
	bad := request{method: http.MethodPost, path: "/login", body: []byte("{")}
	locked := t.manager()
	t.lock(locked)
	all := map[string]answer{
		"a login": t.login(p, p.password), "a wrong password": t.guess(p), "a stranger": t.guess(stranger), "a lock": t.guess(locked),
		"a bad body": t.send(bad), "no token": t.with("", http.MethodGet, p.path(), nil), "another role's token": t.with(token, http.MethodGet, p.path(), nil),
		"a user": t.sysadmin(http.MethodGet, p.path(), nil, http.StatusOK), "nobody": t.as(t.admin, http.MethodGet, stranger.path(), nil),
		"no route": t.send(request{method: http.MethodGet, path: "/nothing"}), "health": t.send(request{method: http.MethodGet, path: "/health"}),
		"a session that is not there": t.send(tokenRequest("/token", "none")),
	}
	var ids []string
	for what, a := range all {
		id := a.header.Get("X-Request-Id")
		ids = append(ids, id)
		if got := a.header.Get("Cache-Control"); got != "no-store" {
			t.wrongly("%s: Cache-Control is %q, want no-store", what, got)
		}
		if said := a.text("request_id"); id == "" || a.status >= 400 && said != id {
			t.wrongly("%s: X-Request-Id is %q and the body says %q", what, id, said)
		}
	}
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != len(all) {
		t.wrongly("%d answers have %d request ids", len(all), n)
	}
}

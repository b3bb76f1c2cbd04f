package main

import (
	"fmt"
	"net/http"
	"strings"
)

func refusalCases() []testCase {
	return []testCase{
		{name: "refusals/a body that is not the JSON that is wanted is not counted", try: func(t *trial) { t.refuseBodies(400, notJSON) }},
		{name: "refusals/a field that is empty, missing, too long or of another type is not counted",
			standsFor: of(powerauthEmpty), try: func(t *trial) { t.refuseBodies(400, badFields) }},
		{name: "refusals/a field that is there twice is not counted", try: func(t *trial) { t.refuseBodies(400, doubleFields) }},
		{name: "refusals/a NUL in a name or a password is not counted", try: func(t *trial) { t.refuseBodies(400, nulls) }},
		{name: "refusals/a body that is too large is not counted", try: func(t *trial) { t.refuseBodies(413, tooLarge) }},
		{name: "refusals/another content type is not counted", try: otherTypes},
		{name: "refusals/a query is not counted", try: queries},
		{name: "refusals/a lock is not told by a refusal", try: refusalsAtALock},
	}
}

// expectUncounted wants that nothing of what was refused was counted.
func (t *trial) expectUncounted(p person) {
	if seen := t.look(p); seen.Failed != 0 {
		t.wrongly("what was refused was counted: the Sysadmin sees %d failures", seen.Failed)
	}
	t.expectWrong(t.guess(p), t.maximum-1, "the first wrong password after what was refused")
	t.expectIn(t.login(p, p.password), p, "the right password after what was refused")
}

// refuseBodies sends bodies that are made for a user.
func (t *trial) refuseBodies(status int, bodies func(p person) map[string]string) {
	p := t.manager()
	for what, body := range bodies(p) {
		a := t.send(request{method: http.MethodPost, path: "/login", body: []byte(body)})
		if a.status != status {
			t.wrongly("%s: got %s, want %d", what, a, status)
		}
	}
	t.expectUncounted(p)
}

// login returns the body of a login as text.
func (p person) login(password string) string {
	return string(loginRequest(p, password).body)
}

func notJSON(p person) map[string]string {
	good := p.login("wrong-1")
	return map[string]string{
		"an empty body":            "",
		"blanks":                   "   ",
		"text":                     "hello",
		"a form":                   "client=" + p.client + "&username=" + p.username + "&password=x",
		"XML":                      "<login/>",
		"an object cut off":        good[:len(good)-1],
		"two objects":              good + good,
		"an object and text":       good + " x",
		"an array of it":           "[" + good + "]",
		"a string of it":           fmt.Sprintf("%q", good),
		"null":                     "null",
		"a comment":                "/* */" + good,
		"a comma at the end":       strings.TrimSuffix(good, "}") + ",}",
		"single quotes":            strings.ReplaceAll(good, `"`, "'"),
		"a byte order mark":        "\ufeff" + good,
		"bad UTF-8 in the name":    strings.Replace(good, p.username, p.username+"\xff", 1),
		"bad UTF-8 in the secret":  strings.Replace(good, "wrong-1", "wrong\xc3\x28", 1),
		"half a surrogate":         strings.Replace(good, "wrong-1", `\ud800`, 1),
		"UTF-16":                   utf16(good),
		"a NUL after the object":   good + "\x00",
		"names in another case":    strings.Replace(good, `"password"`, `"Password"`, 1),
		"an unknown field":         strings.Replace(good, "{", `{"admin":true,`, 1),
		"an object within objects": strings.Repeat(`{"client":`, 500) + "1" + strings.Repeat("}", 500),
	}
}

// utf16 returns ASCII as UTF-16 with the low byte first.
func utf16(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.WriteByte(c)
		b.WriteByte(0)
	}
	return b.String()
}

// badFields has one value at a time that cannot be.
func badFields(p person) map[string]string {
	bodies := map[string]string{}
	for _, field := range []string{"client", "username", "password"} {
		good := map[string]any{"client": p.client, "username": p.username, "password": "wrong-1"}
		with := func(value any) string {
			changed := map[string]any{}
			for name, v := range good {
				changed[name] = v
			}
			changed[field] = value
			return string(encoded(changed))
		}
		delete(good, field)
		bodies["without "+field] = string(encoded(good))
		for what, value := range map[string]any{
			"empty": "", "null": nil, "a number": 1, "true": true, "an array": []string{"x"}, "an object": map[string]string{"$ne": "x"},
			"of 257 bytes": strings.Repeat("x", longestName+1), "of 258 bytes in 129 letters": strings.Repeat(composed, longestName/2+1),
		} {
			bodies[field+" "+what] = with(value)
		}
	}
	return bodies
}

// doubleFields has a right password first or last.
func doubleFields(p person) map[string]string {
	good := p.login(p.password)
	return map[string]string{
		"the password twice, the right one last":  strings.Replace(good, "{", `{"password":"wrong-1",`, 1),
		"the password twice, the right one first": strings.TrimSuffix(good, "}") + `,"password":"wrong-1"}`,
		"the name twice, another first":           strings.Replace(good, "{", `{"username":"somebody",`, 1),
		"the name twice, another last":            strings.TrimSuffix(good, "}") + `,"username":"somebody"}`,
		"the client twice":                        strings.Replace(good, "{", `{"client":"elsewhere",`, 1),
		"the password twice, once escaped":        strings.Replace(good, "{", `{"passw\u006frd":"wrong-1",`, 1),
	}
}

func nulls(p person) map[string]string {
	return map[string]string{
		"a NUL after the name":     person{p.client, p.username + "\x00", ""}.login("wrong-1"),
		"a NUL before the name":    person{p.client, "\x00" + p.username, ""}.login("wrong-1"),
		"a NUL in the client":      person{p.client + "\x00", p.username, ""}.login("wrong-1"),
		"a NUL in the password":    p.login("wrong\x001"),
		"a NUL after the password": p.login(p.password + "\x00"),
		"a NUL that is not escaped": strings.Replace(p.login("wrong-1"), p.username, p.username+"\x00",
			1),
	}
}

// tooLarge has bodies that are good but for their size: over 8 KiB, and under
// what a firewall stops.
func tooLarge(p person) map[string]string {
	good := p.login("wrong-1")
	return map[string]string{
		"9 KiB, most of it blanks": good[:1] + strings.Repeat(" ", 9<<10) + good[1:],
		"a password of 9 KiB":      p.login(strings.Repeat("x", 9<<10)),
		"a name of 9 KiB":          person{p.client, strings.Repeat("x", 9<<10), ""}.login("wrong-1"),
	}
}

func otherTypes(t *trial) {
	p := t.manager()
	for _, kind := range []string{
		"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/problem+json",
		"application/json; charset=utf-16", "application/json-patch+json", "json", "",
	} {
		a := t.send(request{
			method: http.MethodPost, path: "/login", body: loginRequest(p, wrongPassword()).body, header: http.Header{"Content-Type": {kind}},
		})
		t.expect(a, http.StatusUnsupportedMediaType, "unsupported-media-type", fmt.Sprintf("Content-Type %q", kind))
	}
	t.expectUncounted(p)
}

func queries(t *trial) {
	p := t.manager()
	for _, query := range []string{"?x=1", "?username=" + p.username, "?client=" + p.client + "&client=other"} {
		r := loginRequest(p, wrongPassword())
		r.path += query
		t.expect(t.send(r), http.StatusBadRequest, "invalid-request", "a login with "+query)
	}
	t.expectUncounted(p)
}

// refusalsAtALock has the refusals of a locked user and of another be the same.
func refusalsAtALock(t *trial) {
	locked, free := t.manager(), t.manager()
	t.lock(locked)
	for what, body := range doubleFields(locked) {
		got := t.send(request{method: http.MethodPost, path: "/login", body: []byte(body)})
		want := t.send(request{method: http.MethodPost, path: "/login", body: []byte(doubleFields(free)[what])})
		t.expectAlike(traceOf(got, locked), traceOf(want, free), what+", of a locked user")
	}
}

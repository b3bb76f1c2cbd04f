package main

import (
	"fmt"
	"net/http"
	"strings"
)

func nameCases() []testCase {
	return []testCase{
		{name: "names/spellings that Unicode holds for the same name share its budget", standsFor: of(vaultAlias), try: sameName},
		{name: "names/spellings that are other names neither get in nor count", standsFor: of(vaultAlias, alfrescoCase), try: otherNames},
		{name: "names/two users whose names differ in case have a budget each", standsFor: of(alfrescoCase, logtoUnlock), try: twoCases},
		{name: "names/two long names that differ at the end have a budget each", try: longNames},
		{name: "names/the name of the client is taken as it is", try: clientSpellings},
		{name: "names/a client that is not there shares nothing", try: absentClient},
		{name: "names/the same name in two clients has a budget each", try: twoClients},
		{name: "names/a name percent-encoded in a path is the name itself", try: encodedPath},
	}
}

// A spelling is a way to write a name.
type spelling struct{ what, name string }

// fullWidth returns a name in the letters that East Asian keyboards have for
// ASCII (U+FF01 to U+FF5E).
func fullWidth(name string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r + 0xfee0
		}
		return r
	}, name)
}

// accented begins a name of this run with a letter that can be written as one
// character and as two.
func (t *trial) accented(e string) string { return "jos" + e + "-" + t.name() }

// composed and decomposed are é as one character and as a letter with an accent
// after it.
const (
	composed   = "\u00e9"
	decomposed = "e\u0301"
)

// sameName spreads one budget over the spellings.
func sameName(t *trial) {
	p := t.userNamed(t.accented(composed), "Manager")
	spellings := []spelling{
		{"decomposed", strings.Replace(p.username, composed, decomposed, 1)},
		{"in full-width letters", fullWidth(p.username)},
		{"as it is", p.username},
	}
	for _, s := range spellings {
		other := person{client: p.client, username: s.name}
		t.expectIn(t.login(other, p.password), p, "the right password, the name "+s.what)
	}
	for i := range t.maximum {
		s := spellings[i%len(spellings)]
		a := t.guess(person{client: p.client, username: s.name})
		when := fmt.Sprintf("wrong password %d of %d, the name %s", i+1, t.maximum, s.what)
		if i < t.maximum-1 {
			t.expectWrong(a, t.maximum-1-i, when)
		} else {
			t.expectLocked(a, when)
		}
	}
	for _, s := range spellings {
		t.expectLocked(t.login(person{client: p.client, username: s.name}, p.password), "at the lock, the name "+s.what)
	}
}

// otherNames tries each spelling with the right password. A spelling that is
// another name must not get in, and its failure must not count.
func otherNames(t *trial) {
	p := t.manager()
	cyrillic := strings.Replace(p.username, "o", "\u043e", 1) // conformance has an o
	for _, s := range []spelling{
		{"in upper case", strings.ToUpper(p.username)},
		{"with a capital", strings.ToUpper(p.username[:1]) + p.username[1:]},
		{"with a Cyrillic letter", cyrillic},
		{"with a blank after it", p.username + " "},
		{"with a blank before it", " " + p.username},
		{"with a tab after it", p.username + "\t"},
		{"with a line end after it", p.username + "\r\n"},
		{"with a no-break space after it", p.username + "\u00a0"},
		{"with a zero-width space", p.username + "\u200b"},
		{"with a soft hyphen", p.username + "\u00ad"},
		{"with a byte order mark", "\ufeff" + p.username},
		{"with a dot after it", p.username + "."},
		{"percent-encoded", strings.Replace(p.username, "c", "%63", 1)},
		{"percent-encoded twice", strings.Replace(p.username, "c", "%2563", 1)},
		{"with an encoded NUL", p.username + "%00"},
		{"with the client before it", p.client + "/" + p.username},
		{"with the client before it, as Windows does", p.client + `\` + p.username},
		{"with the client after it", p.username + "@" + p.client},
		{"as a wildcard", p.username[:len(p.username)-1] + "*"},
		{"quoted", `"` + p.username + `"`},
		{"with a comment of SQL", p.username + "'--"},
	} {
		a := t.login(person{client: p.client, username: s.name}, p.password)
		if a.status != http.StatusUnauthorized {
			t.wrongly("the right password, the name %s: got %s, want 401 of an unknown name", s.what, a)
		}
	}
	if seen := t.look(p); seen.Failed != 0 {
		t.wrongly("the failures under other spellings count: the Sysadmin sees %d", seen.Failed)
	}
	t.expectWrong(t.guess(p), t.maximum-1, "the first wrong password of the name itself")
}

func twoCases(t *trial) {
	lower := t.manager()
	upper := t.userNamed(strings.ToUpper(lower.username), "Manager")
	t.lock(lower)
	t.expectWrong(t.guess(upper), t.maximum-1, "the user in upper case, after the lock of the one in lower case")
	t.expectIn(t.login(upper, upper.password), upper, "the user in upper case")
	t.lock(upper)
	t.unlock(upper)
	t.expectLocked(t.login(lower, lower.password), "the user in lower case, after the unlock of the one in upper case")
}

// The lengths of names at a login, in bytes (API.md).
const longestName = 256

func longNames(t *trial) {
	stem := t.name() + "-"
	stem += strings.Repeat("x", longestName-1-len(stem))
	one, other := person{client: t.root.client, username: stem + "1"}, person{client: t.root.client, username: stem + "2"}
	t.expectWrong(t.guess(one), t.maximum-1, "a name of 256 bytes")
	t.expectWrong(t.guess(one), t.maximum-2, "the same again")
	t.expectWrong(t.guess(other), t.maximum-1, "a name of 256 bytes that differs in the last")
	t.expect(t.guess(person{client: t.root.client, username: stem + "12"}), http.StatusBadRequest, "invalid-request", "a name of 257 bytes")
}

// clientSpellings has the right password with the client in other spellings.
// They are refused, or answered like any unknown name.
func clientSpellings(t *trial) {
	p := t.manager()
	for _, s := range []spelling{
		{"in upper case", strings.ToUpper(p.client)},
		{"with a blank after it", p.client + " "},
		{"with a blank before it", " " + p.client},
		{"with a tab after it", p.client + "\t"},
		{"in full-width letters", fullWidth(p.client)},
		{"with a slash", p.client + "/"},
		{"with a dot", p.client + "."},
		{"percent-encoded", "%" + fmt.Sprintf("%02x", p.client[0]) + p.client[1:]},
		{"with a zero-width space", p.client + "\u200b"},
	} {
		a := t.login(person{client: s.name, username: p.username}, p.password)
		if a.status != http.StatusBadRequest && a.status != http.StatusUnauthorized {
			t.wrongly("the client %s: got %s, want 400 or 401", s.what, a)
		}
	}
	if seen := t.look(p); seen.Failed != 0 {
		t.wrongly("the failures under other spellings of the client count: the Sysadmin sees %d", seen.Failed)
	}
}

func absentClient(t *trial) {
	p := t.manager()
	elsewhere := t.nowhere(p.username)
	a := t.guess(elsewhere)
	for left := a.remaining(); left >= 1; left-- {
		t.expectWrong(a, left, "in a client that is not there")
		a = t.guess(elsewhere)
	}
	t.expectLocked(a, "the last wrong password in a client that is not there")
	t.expectWrong(t.guess(p), t.maximum-1, "the same name in the client that is")
	t.expectIn(t.login(p, p.password), p, "the same name in the client that is")
}

func twoClients(t *trial) {
	if t.foreign == nil {
		t.cannot("-other-client names no second client")
	}
	here := t.manager()
	there := person{client: t.other.client, username: here.username, password: rightPassword()}
	t.create(t.foreign, there, "Manager")
	t.lock(here)
	t.expectIn(t.login(there, there.password), there, "the same name in the other client, after the lock in the first")
	a := t.as(t.foreign, http.MethodPost, here.path()+"/unlock", map[string]any{})
	t.expect(a, http.StatusForbidden, "forbidden", "an unlock by the other client's Sysadmin")
	a = t.as(t.foreign, http.MethodPost, there.path()+"/unlock", map[string]any{})
	if a.status != http.StatusOK {
		t.wrongly("an unlock in the other client: got %s, want 200", a)
	}
	t.expectLocked(t.login(here, here.password), "the name in the first client, after the unlock in the other")
}

// encodedPath unlocks by a path in which each byte of the name is escaped, as an
// encoder may do that takes no risks.
func encodedPath(t *trial) {
	p := t.userNamed(t.accented(composed), "Manager")
	t.lock(p)
	var escaped strings.Builder
	for _, b := range []byte(p.username) {
		fmt.Fprintf(&escaped, "%%%02X", b)
	}
	a := t.sysadmin(http.MethodPost, "/clients/"+p.client+"/users/"+escaped.String()+"/unlock", map[string]any{}, http.StatusOK)
	if a.text("username") != p.username || a.body["was_locked"] != true {
		t.wrongly("got the unlock of %q, was_locked: %v; want that of %q", a.text("username"), a.body["was_locked"], p.username)
	}
	t.expectIn(t.login(p, p.password), p, "after the unlock")
}

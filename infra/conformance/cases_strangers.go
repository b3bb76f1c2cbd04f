package main

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

func strangerCases() []testCase {
	return []testCase{
		{name: "strangers/a name that nobody has gets the answers of a user, through the lock and after it",
			standsFor: of(vaultNames, surveyNames, mirthNames), try: strangersLikeUsers},
		{name: "strangers/so does any name in a client that is not there", standsFor: of(vaultNames),
			try: absentLikeUsers},
		{name: "strangers/so does a name that nobody can have", standsFor: of(vaultNames),
			try: func(t *trial) { t.alike(person{client: t.root.client, username: t.name() + "/%?# x"}) }},
		{name: "strangers/so does a user who was deleted", try: deletedLikeUsers},
		{name: "strangers/a lock answers a right password and a wrong one alike", try: lockTellsNothing},
		{name: "strangers/the answers to strangers at once are those to users at once", try: strangersAtOnce},
		{name: "strangers/whoever may not see users is not told who exists", try: forbiddenAlike},
	}
}

// A trace is all that an onlooker can tell answers apart by, but for their time.
type trace struct {
	status  int
	headers string
	body    string
}

// traceOf takes out what must differ: the request id, the client's name, the time.
func traceOf(a answer, p person) trace {
	names := slices.Sorted(maps.Keys(a.header))
	var headers []string
	for _, name := range names {
		value := strings.Join(a.header[name], ", ")
		if name == "X-Request-Id" || name == "Date" {
			value = "…"
		}
		headers = append(headers, name+": "+value)
	}
	body := string(a.raw)
	for what, it := range map[string]string{a.text("request_id"): "ID", p.client: "CLIENT"} {
		if what != "" {
			body = strings.ReplaceAll(body, what, it)
		}
	}
	if p.client != "" { // a client's name has a length of its own
		headers = slices.DeleteFunc(headers, func(h string) bool { return strings.HasPrefix(h, "Content-Length: ") })
	}
	return trace{a.status, strings.Join(headers, "\n"), body}
}

func (t *trial) expectAlike(got, want trace, when string) {
	switch {
	case got.status != want.status:
		t.wrongly("%s: status %d, and a user gets %d", when, got.status, want.status)
	case got.headers != want.headers:
		t.wrongly("%s: headers\n%s\nand a user gets\n%s", when, got.headers, want.headers)
	case got.body != want.body:
		t.wrongly("%s: body\n%s\nand a user gets\n%s", when, got.body, want.body)
	}
}

// alike tries a stranger and a user side by side, through the lock and beyond.
func (t *trial) alike(stranger person) {
	known := t.manager()
	for i := range t.maximum + 2 {
		want, got := traceOf(t.guess(known), known), traceOf(t.guess(stranger), stranger)
		t.expectAlike(got, want, fmt.Sprintf("wrong password %d", i+1))
	}
}

// strangersLikeUsers compares the lengths of the bodies too: the client is the
// same.
func strangersLikeUsers(t *trial) {
	stranger, known := t.stranger(), t.manager()
	for i := range t.maximum + 2 {
		want, got := t.guess(known), t.guess(stranger)
		when := fmt.Sprintf("wrong password %d", i+1)
		t.expectAlike(traceOf(got, stranger), traceOf(want, known), when)
		if got.header.Get("Content-Length") != want.header.Get("Content-Length") {
			t.wrongly("%s: %s bytes, and a user gets %s", when, got.header.Get("Content-Length"), want.header.Get("Content-Length"))
		}
	}
}

// nowhere is a person of a client that is not there, which has a maximum of its
// own: the default.
func (t *trial) nowhere(username string) person {
	return person{client: strings.TrimSuffix(t.run, "-"), username: username}
}

// uncounted is a trace without the number of attempts that remain.
func (a trace) uncounted() trace {
	a.body = remainingInBody.ReplaceAllString(a.body, `"attempts_remaining":N`)
	return a
}

var remainingInBody = regexp.MustCompile(`"attempts_remaining": ?[1-9]`)

func absentLikeUsers(t *trial) {
	known, stranger := t.manager(), t.nowhere(t.name())
	wrong := traceOf(t.guess(known), known).uncounted()
	t.failTimes(known, t.maximum-2)
	locked := traceOf(t.guess(known), known)
	a := t.guess(stranger)
	for left := a.remaining(); left >= 1; left-- {
		t.expectWrong(a, left, "in a client that is not there")
		t.expectAlike(traceOf(a, stranger).uncounted(), wrong, "a wrong password in a client that is not there")
		a = t.guess(stranger)
	}
	for range 2 {
		t.expectAlike(traceOf(a, stranger), locked, "a lock in a client that is not there")
		a = t.guess(stranger)
	}
}

func deletedLikeUsers(t *trial) {
	gone := t.manager()
	t.sysadmin(http.MethodDelete, gone.path(), nil, http.StatusNoContent)
	known := t.manager()
	for i := range t.maximum + 1 {
		want, got := traceOf(t.guess(known), known), traceOf(t.login(gone, gone.password), gone)
		t.expectAlike(got, want, fmt.Sprintf("password %d of a user who was deleted", i+1))
	}
}

func lockTellsNothing(t *trial) {
	p := t.manager()
	t.lock(p)
	want := traceOf(t.guess(p), p)
	t.expectAlike(traceOf(t.login(p, p.password), p), want, "the right password at a lock")
}

// strangersAtOnce compares which answers there are. How many of each depends on
// chance, but for those that say wrong.
func strangersAtOnce(t *trial) {
	known, stranger := t.manager(), t.stranger()
	n := 4 * t.maximum
	want, got := tally(t.burst(known, guesses(n))), tally(t.burst(stranger, guesses(n)))
	for _, counts := range []map[int]int{want, got} {
		if counts[http.StatusUnauthorized] > t.maximum-1 {
			t.wrongly("%d at once: got %v, want 401 at most %d times", n, counts, t.maximum-1)
		}
	}
	for status := range got {
		if want[status] == 0 && status != http.StatusTooManyRequests && status != http.StatusLocked {
			t.wrongly("%d at once of a stranger: got %v, and a user gets %v", n, got, want)
		}
	}
	t.finishLock(known)
	t.finishLock(stranger)
}

// forbiddenAlike asks about a user and a stranger as somebody who may see none.
func forbiddenAlike(t *trial) {
	p, asker := t.manager(), t.manager()
	token := t.login(asker, asker.password).text("access_token")
	for _, call := range []struct{ method, below string }{
		{http.MethodGet, ""}, {http.MethodPost, "/unlock"}, {http.MethodDelete, ""},
	} {
		stranger := t.stranger()
		want := traceOf(t.with(token, call.method, p.path()+call.below, nil), p)
		got := traceOf(t.with(token, call.method, stranger.path()+call.below, nil), stranger)
		t.expectAlike(got, want, fmt.Sprintf("%s of a stranger by a Manager", call.method))
		if got.status != http.StatusForbidden {
			t.wrongly("%s%s by a Manager: got %d, want 403", call.method, call.below, got.status)
		}
	}
}

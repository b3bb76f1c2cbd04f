package httpapi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// with returns the event with other parameters in its query.
func with(event events.APIGatewayProxyRequest, parameters ...string) events.APIGatewayProxyRequest {
	event.QueryStringParameters = map[string]string{}
	event.MultiValueQueryStringParameters = map[string][]string{}
	for pair := range slices.Chunk(parameters, 2) {
		event.QueryStringParameters[pair[0]] = pair[1]
		event.MultiValueQueryStringParameters[pair[0]] = []string{pair[1]}
	}
	return event
}

// pages follows the cursors, and returns the usernames of each page.
func pages(t *testing.T, w *world, parameters ...string) [][]string {
	t.Helper()
	return pagesOf(t, w, "users/list", "users", "username", parameters...)
}

// pagesOf follows the cursors of a list, and returns one field of its rows.
func pagesOf(t *testing.T, w *world, event, list, field string, parameters ...string) [][]string {
	t.Helper()
	send := func(e events.APIGatewayProxyRequest) answer { return w.send(t, e) }
	return pagesThrough(t, send, recorded(t, event), list, field, parameters...)
}

// pagesThrough is pagesOf, sent in another way.
func pagesThrough(
	t *testing.T, send func(events.APIGatewayProxyRequest) answer,
	event events.APIGatewayProxyRequest, list, field string, parameters ...string,
) [][]string {
	t.Helper()
	var all [][]string
	for cursor := []string(nil); ; {
		a := send(with(event, append(slices.Clone(parameters), cursor...)...))
		rows, ok := a.fields[list].([]any)
		if a.StatusCode != 200 || !ok {
			t.Fatalf("got %d %s", a.StatusCode, a.Body)
		}
		values := []string{}
		for _, row := range rows {
			values = append(values, row.(map[string]any)[field].(string))
		}
		all = append(all, values)
		next, more := a.fields["next_cursor"].(string)
		if !more {
			return all
		}
		cursor = []string{"cursor", next}
	}
}

// crowd is n users, u0000 onwards, of whom every hundredth is an ITUser.
func crowd(n int) people {
	var p people
	for i := range n {
		user := access.User{Client: "acme", Username: fmt.Sprintf("u%04d", i), Role: access.Manager, Name: "Somebody"}
		if i%100 == 99 {
			user.Role, user.Name = access.ITUser, "ÉMILE"
		}
		p.all = append(p.all, user)
	}
	return p
}

func TestAUserIsShownWithTheirEvidence(t *testing.T) {
	w := lockedWorld(t)
	w.people.all[0].Name = ""
	record := aLock()
	record.Evidence = record.Evidence[:1]
	record.Evidence[0].At = start.Add(-time.Second)
	w.attempts.Set(ana, record)
	want := map[string]any{
		"client": "acme", "username": "ana.silva", "role": "Manager", "email": "ana.silva@example.com",
		"created_at": "2026-11-23T09:00:00.123Z", "locked": true, "locked_at": "2026-11-23T10:00:00.123Z",
		"lock_id": "01LOCK", "failed_attempts": float64(5), "max_failed_attempts": float64(5),
		"last_failed_at": "2026-11-23T09:59:59.123Z", "sources": float64(1),
		"evidence": []any{map[string]any{
			"at": "2026-11-23T09:59:59.123Z", "source_ip": "198.51.100.7", "user_agent": "curl/8.11.0",
		}},
	}
	a := w.send(t, recorded(t, "users/one"))
	if diff := cmp.Diff(a.fields, want); a.StatusCode != 200 || diff != "" {
		t.Errorf("status %d, answer (-got +want):\n%s", a.StatusCode, diff)
	}
}

func TestAUserWithoutAttemptsHasNoLockAndNoEvidence(t *testing.T) {
	want := map[string]any{
		"client": "acme", "username": "ana.silva", "role": "Manager", "name": "N. ana.silva", "email": "ana.silva@example.com",
		"created_at": "2026-11-23T09:00:00.123Z", "locked": false, "failed_attempts": float64(0),
		"max_failed_attempts": float64(5), "evidence": []any{},
	}
	a := newWorld(t).send(t, recorded(t, "users/one"))
	if diff := cmp.Diff(a.fields, want); diff != "" {
		t.Errorf("answer (-got +want):\n%s", diff)
	}
}

func TestAnUnknownUserIsNotFound(t *testing.T) {
	if a := newWorld(t).send(t, recorded(t, "users/nobody")); a.StatusCode != 404 {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
}

func TestUsersAreListedByName(t *testing.T) {
	w := lockedWorld(t)
	a := w.send(t, recorded(t, "users/list"))
	rows := a.fields["users"].([]any)
	first, second := rows[0].(map[string]any), rows[1].(map[string]any)
	if len(rows) != 2 || first["username"] != "ana.silva" || first["locked"] != true || second["locked"] != false {
		t.Errorf("got %s", a.Body)
	}
	if _, shown := first["evidence"]; shown {
		t.Errorf("a list shows evidence: %s", a.Body)
	}
	w.people = people{}
	if a := w.send(t, recorded(t, "users/list")); a.Body != `{"users":[]}` {
		t.Errorf("nobody is listed as %s", a.Body)
	}
}

func TestAListIsReadPageByPage(t *testing.T) {
	w := newWorld(t)
	w.people = crowd(7)
	tests := []struct {
		name       string
		parameters []string
		want       [][]string
	}{
		{"all on one page", nil, [][]string{{"u0000", "u0001", "u0002", "u0003", "u0004", "u0005", "u0006"}}},
		{"three on a page", []string{"limit", "3"}, [][]string{{"u0000", "u0001", "u0002"}, {"u0003", "u0004", "u0005"}, {"u0006"}}},
		{"exactly one page", []string{"limit", "7"}, [][]string{{"u0000", "u0001", "u0002", "u0003", "u0004", "u0005", "u0006"}}},
		{"part of a name", []string{"q", "0003"}, [][]string{{"u0003"}}},
		{"nobody matches", []string{"q", "nobody"}, [][]string{{}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(pages(t, w, test.parameters...), test.want); diff != "" {
				t.Errorf("pages (-got +want):\n%s", diff)
			}
		})
	}
}

func TestAFilteredListFindsEverybodyOnce(t *testing.T) {
	w := newWorld(t)
	w.people = crowd(2350)
	var itUsers []string
	for i := 99; i < 2350; i += 100 {
		itUsers = append(itUsers, fmt.Sprintf("u%04d", i))
	}
	for _, i := range []int{0, 1500, 2349} {
		w.attempts.Set(key("acme", fmt.Sprintf("u%04d", i)), lockout.Record{LockID: "01LOCK", Failed: 5, Charged: 5})
	}
	tests := []struct {
		name       string
		parameters []string
		want       []string
		pages      int
	}{
		{"by role", []string{"role", "ITUser"}, itUsers, 3},
		{"by role, few on a page", []string{"role", "ITUser", "limit", "4"}, itUsers, 6},
		{"by name in another case", []string{"q", "émil"}, itUsers, 3},
		{"by a letter with its mark typed apart", []string{"q", "e\u0301mil"}, itUsers, 3},
		{"locked", []string{"locked", "true"}, []string{"u0000", "u1500", "u2349"}, 1},
		{"locked, few on a page", []string{"locked", "true", "limit", "2"}, []string{"u0000", "u1500", "u2349"}, 2},
		{"locked, of a role, few on a page", []string{"locked", "true", "role", "Manager", "limit", "2"},
			[]string{"u0000", "u1500", "u2349"}, 2},
		{"locked, by name", []string{"locked", "true", "q", "U1"}, []string{"u1500"}, 1},
		{"locked, of a role that nobody locked has", []string{"locked", "true", "role", "ITUser"}, nil, 1},
		{"not locked, of a role", []string{"locked", "false", "role", "ITUser"}, itUsers, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := pages(t, w, test.parameters...)
			if diff := cmp.Diff(slices.Concat(got...), test.want); diff != "" {
				t.Errorf("users (-got +want):\n%s", diff)
			}
			if len(got) != test.pages {
				t.Errorf("on %d pages, want %d", len(got), test.pages)
			}
		})
	}
}

func TestLockedUsersAreListedByName(t *testing.T) {
	w := lockedWorld(t)
	a := w.send(t, recorded(t, "users/locked"))
	rows, _ := a.fields["users"].([]any)
	if len(rows) != 1 || rows[0].(map[string]any)["username"] != "ana.silva" || rows[0].(map[string]any)["lock_id"] != "01LOCK" {
		t.Errorf("got %d %s, want the one who is locked", a.StatusCode, a.Body)
	}
}

// A lagging store has a list of locked users that is not as the records are.
type lagging struct {
	*lockouttest.MemoryAttempts
	names []string
}

func (l lagging) Locked(_ context.Context, _, after string, limit int) ([]string, bool, error) {
	behind := slices.DeleteFunc(slices.Clone(l.names), func(name string) bool { return name <= after })
	return behind[:min(limit, len(behind))], len(behind) > limit, nil
}

func TestALockIsShownAsItsRecordIs(t *testing.T) {
	w := newWorld(t)
	w.people = someone("a", "b", "c", "d", "e", "f")
	for _, name := range []string{"b", "f", "gone"} {
		w.attempts.Set(key("acme", name), aLock())
	}
	list := httpapi.ListUsers(w.edge, w.people, lagging{w.attempts, []string{"a", "b", "c", "d", "f", "gone", "no/body"}},
		lockouttest.FixedMaximum(5), w.cursors())
	for _, test := range []struct {
		name  string
		limit string
		pages [][]string
	}{
		{"all on one page", "50", [][]string{{"b", "f"}}},
		{"in rounds of one", "1", [][]string{{"b"}, {}, {"f"}, {}}},
		{"in rounds of two", "2", [][]string{{"b"}, {"f"}, {}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := pagesThrough(t, func(event events.APIGatewayProxyRequest) answer {
				return w.answered(t, t.Context(), list, event)
			}, recorded(t, "users/list"), "users", "username", "locked", "true", "limit", test.limit)
			if diff := cmp.Diff(got, test.pages); diff != "" {
				t.Errorf("pages (-got +want):\n%s", diff)
			}
		})
	}
}

func TestAListOfUsersWhoAreNotLockedReadsOn(t *testing.T) {
	w := newWorld(t)
	w.people = crowd(10)
	for _, i := range []int{0, 1, 4, 5, 6, 7} {
		w.attempts.Set(key("acme", fmt.Sprintf("u%04d", i)), aLock())
	}
	// Two are looked at, and then as many as are missing of the page.
	want := [][]string{{"u0002", "u0003"}, {}, {"u0008", "u0009"}}
	if diff := cmp.Diff(pages(t, w, "locked", "false", "limit", "2"), want); diff != "" {
		t.Errorf("pages (-got +want):\n%s", diff)
	}
}

func TestABadListIsRefused(t *testing.T) {
	limit, cursor, q := wrongField("limit"), wrongField("cursor"), wrongField("q")
	refuses(t, "users/refused", map[string]aRefusal{
		"limit-zero": limit, "limit-over-100": limit, "limit-that-is-no-number": limit, "limit-with-a-plus": limit, "limit-with-a-zero-before-it": limit,
		"empty-limit": limit, "limit-twice": limit,
		"empty-cursor": cursor, "cursor-that-is-not-base64": cursor, "padded-cursor": cursor, "cursor-with-a-slash": cursor,
		"cursor-that-is-bad-UTF-8": cursor, "cursor-of-the-client-item": cursor, "over-long-cursor": cursor, "unsigned-cursor": cursor,
		"locked-that-is-neither": wrongField("locked"), "unknown-role": wrongField("role"), "empty-role": wrongField("role"),
		"empty-q": q, "over-long-q": q, "q-with-control-characters": q,
		"unknown-parameter": wrongField("sort"), "hostile-parameter": wrongField(""), "parameter-in-another-case": wrongField("Limit"),
	}, func(*testing.T, *world) {})
}

// No recording holds what is not UTF-8, and API Gateway may make U+FFFD of it.
func TestAParameterThatIsNotTextIsRefused(t *testing.T) {
	for _, odd := range []string{"\xff", "a\xc3", "\ufffd"} {
		a := newWorld(t).send(t, with(recorded(t, "users/list"), "q", odd))
		if got := refusalOf(a); a.StatusCode != 400 || strings.Join(got.fields, " ") != "q" {
			t.Errorf("%q: got %d %s", odd, a.StatusCode, a.Body)
		}
	}
}

func TestARefusedRoleNamesTheRolesThereAre(t *testing.T) {
	a := newWorld(t).send(t, recorded(t, "users/refused/unknown-role"))
	if want := "must be one of Sysadmin, Superuser, Manager, ITUser"; !strings.Contains(a.Body, `"`+want+`"`) {
		t.Errorf("got %s, want %q", a.Body, want)
	}
}

func TestAListDuringAnOutageIsUnavailable(t *testing.T) {
	for _, name := range []string{"list", "one"} {
		w := newWorld(t)
		w.people.err = errOutage
		if a := w.send(t, recorded(t, "users/"+name)); a.StatusCode != 503 {
			t.Errorf("%s: got %d %s", name, a.StatusCode, a.Body)
		}
	}
}

package httpapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/audit"
)

// aTrail is one entry of each kind that shows differently, oldest first.
func aTrail() []audit.Entry {
	made := audit.Entry{Client: "acme", ID: "01A", At: start, Action: audit.ClientCreated, Actor: "iam:ops"}
	locked := audit.Entry{
		Client: "acme", ID: "01B", At: start.Add(77 * time.Millisecond), Action: audit.Lock, Actor: "portcullis",
		Username: "ana.silva", SourceIP: "198.51.100.7", RequestID: "request-2",
		Details: audit.Details{
			LockID: "01B", Maximum: 1, FailedAttempts: 1,
			Evidence: []audit.Evidence{{At: start.Add(-23 * time.Millisecond), SourceIP: "198.51.100.7", UserAgent: "curl/8.11.0"}},
		},
	}
	unlocked := audit.Entry{
		Client: "acme", ID: "01C", At: start, Action: audit.Unlock, Actor: "acme/root", Username: "ana.silva",
		SourceIP: "203.0.113.9", RequestID: "request-3", Reason: "called from her desk phone",
		Details: audit.Details{IdentityConfirmedBy: "call-back", Maximum: 5, Evidence: []audit.Evidence{}},
	}
	changed := audit.Entry{
		Client: "acme", ID: "01D", At: start, Action: audit.UserUpdated, Actor: "acme/root", Username: "bela",
		Details: audit.Details{Role: "Manager", PreviousRole: "Sysadmin", Changed: []string{"role"}, BreakGlass: true},
	}
	return []audit.Entry{made, locked, unlocked, changed}
}

func TestTheTrailIsShownNewestFirst(t *testing.T) {
	w := newWorld(t)
	w.trail.entries = append(aTrail(), audit.Entry{Client: "umbrella", ID: "01E"})
	want := map[string]any{"entries": []any{
		map[string]any{
			"id": "01D", "at": "2026-11-23T10:00:00.123Z", "action": "user_updated", "actor": "acme/root", "username": "bela",
			"details": map[string]any{
				"role": "Manager", "previous_role": "Sysadmin", "changed": []any{"role"}, "break_glass": true,
			},
		},
		map[string]any{
			"id": "01C", "at": "2026-11-23T10:00:00.123Z", "action": "authn_login_unlock", "actor": "acme/root",
			"username": "ana.silva", "source_ip": "203.0.113.9", "request_id": "request-3", "reason": "called from her desk phone",
			"details": map[string]any{"identity_confirmed_by": "call-back", "max_failed_login_attempts_portal": 5.0},
		},
		map[string]any{
			"id": "01B", "at": "2026-11-23T10:00:00.200Z", "action": "authn_login_lock", "actor": "portcullis",
			"username": "ana.silva", "source_ip": "198.51.100.7", "request_id": "request-2",
			"details": map[string]any{
				"lock_id": "01B", "max_failed_login_attempts_portal": 1.0, "failed_attempts": 1.0,
				"evidence": []any{map[string]any{
					"at": "2026-11-23T10:00:00.100Z", "source_ip": "198.51.100.7", "user_agent": "curl/8.11.0",
				}},
			},
		},
		map[string]any{"id": "01A", "at": "2026-11-23T10:00:00.123Z", "action": "client_created", "actor": "iam:ops"},
	}}
	a := w.send(t, recorded(t, "audit/all"))
	if diff := cmp.Diff(a.fields, want); a.StatusCode != 200 || diff != "" {
		t.Errorf("status %d, answer (-got +want):\n%s", a.StatusCode, diff)
	}
	w.trail.entries = nil
	if a := w.send(t, recorded(t, "audit/all")); a.Body != `{"entries":[]}` {
		t.Errorf("an empty trail is shown as %s", a.Body)
	}
}

// manyEntries are n locks, 01000 onwards, of whom every fifteenth is ana's.
func manyEntries(n int) []audit.Entry {
	var all []audit.Entry
	for i := range n {
		e := audit.Entry{
			Client: "acme", ID: fmt.Sprintf("01%03d", i), At: start, Action: audit.Lock, Actor: "portcullis", Username: "bela",
		}
		if i%15 == 0 {
			e.Username = "ana.silva"
		}
		all = append(all, e)
	}
	return all
}

func TestTheTrailIsReadPageByPage(t *testing.T) {
	w := newWorld(t)
	w.trail.entries = manyEntries(32) // ana's are 00, 15 and 30
	for _, test := range []struct {
		name       string
		parameters []string
		want       [][]string
	}{
		{"of one user, past pages with nobody on them", []string{"username", "ana.silva", "limit", "3"},
			[][]string{{"01030"}, {"01015"}, {}, {"01000"}}},
		{"of one user and one kind", []string{"username", "ana.silva", "action", "authn_login_lock", "limit", "1"},
			[][]string{{"01030"}, {}, {"01015"}, {}, {"01000"}}},
		{"of a kind that was never done", []string{"action", "user_deleted"}, [][]string{{}, {}, {}, {}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := pagesOf(t, w, "audit/all", "entries", "id", test.parameters...)
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("pages (-got +want):\n%s", diff)
			}
		})
	}
}

func TestTheTrailKnowsNamesThatNobodyCanHave(t *testing.T) {
	w := newWorld(t)
	const odd = "no/such user"
	w.trail.entries = []audit.Entry{
		{Client: "acme", ID: "01A", At: start, Action: audit.Lock, Actor: "portcullis", Username: odd},
		{Client: "acme", ID: "01B", At: start, Action: audit.Lock, Actor: "portcullis", Username: "Jos\u00e9"},
	}
	for username, id := range map[string]string{odd: "01A", "Jose\u0301": "01B"} {
		got := pagesOf(t, w, "audit/all", "entries", "id", "username", username)
		if diff := cmp.Diff(got, [][]string{{id}}); diff != "" {
			t.Errorf("%q: entries (-got +want):\n%s", username, diff)
		}
	}
}

func TestARecordedFilterOfTheTrail(t *testing.T) {
	w := newWorld(t)
	w.trail.entries = aTrail()
	a := w.send(t, recorded(t, "audit/of-one-user"))
	rows, _ := a.fields["entries"].([]any)
	if len(rows) != 1 || rows[0].(map[string]any)["id"] != "01B" {
		t.Errorf("got %d %s, want the one lock", a.StatusCode, a.Body)
	}
}

func TestABadReadingOfTheTrailIsRefused(t *testing.T) {
	limit, action, username := wrongField("limit"), wrongField("action"), wrongField("username")
	refuses(t, "audit/refused", map[string]aRefusal{
		"limit-zero": limit, "limit-over-100": limit,
		"unknown-action": action, "action-in-another-case": action, "empty-action": action, "action-twice": action,
		"empty-username": username, "over-long-username": username, "username-with-a-NUL": username,
		"unsigned-cursor": wrongField("cursor"), "empty-cursor": wrongField("cursor"),
		"filter-of-the-users": wrongField("role"), "limit-and-action": wrongField("limit", "action"),
	}, func(*testing.T, *world) {})
}

func TestOnlyASysadminReadsTheTrail(t *testing.T) {
	w := newWorld(t)
	for _, role := range access.Roles() {
		caller := root
		caller.Role = role
		want := 403
		if role == access.Sysadmin {
			want = 200
		}
		if a := w.send(t, as(recorded(t, "audit/all"), caller)); a.StatusCode != want {
			t.Errorf("%s: got %d %s, want %d", role, a.StatusCode, a.Body, want)
		}
	}
}

func TestATrailThatDoesNotAnswerIsUnavailable(t *testing.T) {
	w := newWorld(t)
	w.trail.err = errOutage
	if a := w.send(t, recorded(t, "audit/all")); a.StatusCode != 503 {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
}

package httpapi_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// lockedWorld is a world in which ana.silva is locked.
func lockedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.attempts.Set(ana, aLock())
	return w
}

func aLock() lockout.Record {
	record := lockout.Record{Generation: 7, Charged: 5, ChargedAt: start, Failed: 5, LockID: "01LOCK", LockedAt: start}
	for range 5 {
		record.Evidence = append(record.Evidence, lockout.Evidence{
			AttemptID: "01ATTEMPT", At: start, SourceIP: "198.51.100.7", UserAgent: "curl/8.11.0",
		})
	}
	return record
}

func (w *world) isLocked(t *testing.T) bool {
	t.Helper()
	record, err := w.attempts.Read(t.Context(), ana)
	if err != nil {
		t.Fatal(err)
	}
	return record.Locked()
}

// staysLocked is what must hold after a refused unlock.
func staysLocked(t *testing.T, w *world) {
	t.Helper()
	if n := len(w.attempts.Transitions()); n != 0 {
		t.Errorf("the store was asked for %d transitions", n)
	}
}

func TestASysadminUnlocksAUser(t *testing.T) {
	tests := []struct {
		event  string
		locked bool
		want   map[string]any
		entry  lockout.Event
	}{
		{"no-body", true, map[string]any{"was_locked": true, "failed_attempts": float64(5)}, lockout.Event{}},
		{"no-body", false, map[string]any{"was_locked": false, "failed_attempts": float64(0)}, lockout.Event{}},
		{"current-lock", true, map[string]any{"was_locked": true, "failed_attempts": float64(5)}, lockout.Event{}},
		{"reason", true, map[string]any{"was_locked": true, "failed_attempts": float64(5)},
			lockout.Event{Reason: "called from her desk phone", IdentityConfirmedBy: "call-back"}},
		{"reason-among-blanks", true, map[string]any{"was_locked": true, "failed_attempts": float64(5)},
			lockout.Event{Reason: "called from her desk phone"}},
	}
	for _, test := range tests {
		t.Run(test.event, func(t *testing.T) {
			w := newWorld(t)
			if test.locked {
				w = lockedWorld(t)
			}
			a := w.send(t, recorded(t, "unlock/"+test.event))
			test.want["client"], test.want["username"] = "acme", "ana.silva"
			test.want["unlocked_at"], test.want["unlocked_by"] = "2026-11-23T10:00:00.123Z", "acme/root"
			if diff := cmp.Diff(a.fields, test.want); a.StatusCode != 200 || diff != "" {
				t.Errorf("status %d, answer (-got +want):\n%s", a.StatusCode, diff)
			}
			if w.isLocked(t) {
				t.Error("the user is locked still")
			}
			got := w.attempts.Events()[0]
			if got.Actor != "acme/root" || got.Reason != test.entry.Reason || got.SourceIP != "203.0.113.9" ||
				got.IdentityConfirmedBy != test.entry.IdentityConfirmedBy || got.RequestID == "" {
				t.Errorf("audit entry is %+v", got)
			}
			line := w.log.last(t)
			if line["msg"] != "authn_login_unlock" || line["actor"] != "acme/root" || line["username"] != "ana.silva" {
				t.Errorf("logged as %v", line)
			}
		})
	}
}

func TestAnUnlockOfAnotherLockIsAConflict(t *testing.T) {
	w := lockedWorld(t)
	a := w.send(t, recorded(t, "unlock/another-lock"))
	if a.StatusCode != 409 || a.kind() != "conflict" || a.fields["current"] != "01LOCK" || !w.isLocked(t) {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	w = newWorld(t)
	a = w.send(t, recorded(t, "unlock/another-lock"))
	if current, shown := a.fields["current"]; a.StatusCode != 409 || a.kind() != "conflict" || shown {
		t.Errorf("where there is no lock, got %d with current %v: %s", a.StatusCode, current, a.Body)
	}
}

func TestAnUnlockOfNobodyIsNotFound(t *testing.T) {
	w := newWorld(t)
	if a := w.send(t, recorded(t, "unlock/unknown-user")); a.StatusCode != 404 || a.kind() != "not-found" {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	staysLocked(t, w)
}

func TestAnUnlockDuringAnOutageIsUnavailable(t *testing.T) {
	w := lockedWorld(t)
	w.people.err = errOutage
	if a := w.send(t, recorded(t, "unlock/no-body")); a.StatusCode != 503 || a.Headers["Retry-After"] != "5" {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	staysLocked(t, w)
}

func TestABadUnlockIsRefused(t *testing.T) {
	refuses(t, "unlock/refused", map[string]aRefusal{
		"not-JSON": notJSON, "null": notJSON, "trailing-JSON": notJSON, "bad-UTF-8": notJSON,
		"null-lock":                         wrongField("lock_id"),
		"empty-lock":                        wrongField("lock_id"),
		"over-long-lock":                    wrongField("lock_id"),
		"duplicate-field":                   wrongField("lock_id"),
		"unknown-field":                     wrongField("force"),
		"query-parameter":                   wrongField("force"),
		"reason-with-control-characters":    wrongField("reason"),
		"reason-that-is-an-escape-sequence": wrongField("reason"),
		"over-long-reason":                  wrongField("reason"),
		"over-long-confirmation":            wrongField("identity_confirmed_by"),
		"wrong-content-type":                unsupported,
		"9-KiB-body":                        tooLarge,
	}, staysLocked)
}

func TestAPathThatNamesNobodyIsNotFound(t *testing.T) {
	want := map[string]aRefusal{}
	for _, name := range recordings(t, "unlock/paths") {
		want[name] = aRefusal{kind: "not-found"}
	}
	refuses(t, "unlock/paths", want, staysLocked)
}

// TestAUsernameMeansTheSameEncodedAndDecoded sends each name as it stands in
// the URL, and as it is when the gateway has decoded it.
func TestAUsernameMeansTheSameEncodedAndDecoded(t *testing.T) {
	for name, username := range map[string]string{
		"a-tilde": "João", "small-hex-digits": "joão", "an-address": "ana@x.pt", "a-plus": "ana+x", "a-dot": "ana.silva",
	} {
		for _, form := range []string{"-as-sent", "-decoded"} {
			t.Run(name+form, func(t *testing.T) {
				w := newWorld(t)
				w.people = someone(username)
				w.attempts.Set(key("acme", username), aLock())
				a := w.send(t, recorded(t, "unlock/encoded/"+name+form))
				if a.StatusCode != 200 || a.fields["username"] != username || a.fields["was_locked"] != true {
					t.Errorf("got %d %s", a.StatusCode, a.Body)
				}
				if got := w.log.last(t)["username"]; got != username {
					t.Errorf("logged as %q, want %q", got, username)
				}
			})
		}
	}
}

func TestAPathToAnotherClientIsForbidden(t *testing.T) {
	want := map[string]aRefusal{}
	for _, name := range recordings(t, "unlock/clients") {
		want[name] = aRefusal{kind: "forbidden"}
	}
	refuses(t, "unlock/clients", want, staysLocked)
}

// TestNobodyUnlocksThemselves has a Sysadmin name themselves in every spelling
// that means them, also where the store of users would not answer.
func TestNobodyUnlocksThemselves(t *testing.T) {
	for _, spelling := range []string{"rúte", "ru\u0301te", "r%C3%BAte", "\uff52úte"} {
		t.Run(spelling, func(t *testing.T) {
			w := newWorld(t)
			w.people.err = errOutage
			event := recorded(t, "unlock/no-body")
			event.PathParameters["username"] = spelling
			a := w.send(t, as(event, access.Caller{Client: "acme", Username: "rúte", Role: access.Sysadmin}))
			if detail, _ := a.fields["detail"].(string); a.StatusCode != 403 || !strings.Contains(detail, "another Sysadmin") {
				t.Errorf("got %d %s", a.StatusCode, a.Body)
			}
			staysLocked(t, w)
			if line := w.log.last(t); line["msg"] != "authz_fail" || line["actor"] != "acme/rúte" {
				t.Errorf("logged as %v", line)
			}
		})
	}
}

func TestASysadminUnlocksOneWhoseNameDiffersInCase(t *testing.T) {
	w := newWorld(t)
	w.people = someone("Root")
	event := recorded(t, "unlock/no-body")
	event.PathParameters["username"] = "Root"
	if a := w.send(t, as(event, root)); a.StatusCode != 200 {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
}

func TestOnlyASysadminOfTheClientUnlocks(t *testing.T) {
	tests := []struct {
		who    string
		caller access.Caller
		status int
	}{
		{"a Sysadmin", root, 200},
		{"a Superuser", access.Caller{Client: "acme", Username: "sue", Role: access.Superuser}, 403},
		{"a Manager", access.Caller{Client: "acme", Username: "ana.silva", Role: access.Manager}, 403},
		{"an ITUser", access.Caller{Client: "acme", Username: "ivo", Role: access.ITUser}, 403},
		{"a Sysadmin of another client", access.Caller{Client: "other", Username: "root", Role: access.Sysadmin}, 403},
		{"somebody without a role", access.Caller{Client: "acme", Username: "root"}, 401},
		{"somebody with a role in small letters", access.Caller{Client: "acme", Username: "root", Role: "sysadmin"}, 401},
		{"somebody without a name", access.Caller{Client: "acme", Role: access.Sysadmin}, 401},
		{"nobody", access.Caller{}, 401},
	}
	for _, test := range tests {
		t.Run(test.who, func(t *testing.T) {
			w := lockedWorld(t)
			a := w.send(t, as(recorded(t, "unlock/no-body"), test.caller))
			if a.StatusCode != test.status || w.isLocked(t) != (test.status != 200) {
				t.Errorf("got %d, locked %t: %s", a.StatusCode, w.isLocked(t), a.Body)
			}
			if test.status == 401 && !strings.HasPrefix(a.Headers["WWW-Authenticate"], "Bearer") {
				t.Errorf("401 does not say how to log in: %v", a.Headers)
			}
		})
	}
}

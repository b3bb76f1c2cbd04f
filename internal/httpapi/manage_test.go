package httpapi_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
)

// sue is a Superuser: she administers everybody but Sysadmins.
var sue = access.Caller{Client: "acme", Username: "sue", Role: access.Superuser}

// anAct is what every change of these tests is done as.
func anAct(actor string) access.Act {
	return access.Act{Actor: actor, SourceIP: "203.0.113.9", RequestID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"}
}

// userOf is how a user without attempts is shown.
func userOf(username, role, name, email, createdAt string) map[string]any {
	shown := map[string]any{
		"client": "acme", "username": username, "role": role, "created_at": createdAt, "locked": false,
		"failed_attempts": float64(0), "max_failed_attempts": float64(5),
	}
	if name != "" {
		shown["name"] = name
	}
	if email != "" {
		shown["email"] = email
	}
	return shown
}

// logged reports what the newest line says was done, and to whom.
func (w *world) logged(t *testing.T) string {
	t.Helper()
	line := w.log.last(t)
	return fmt.Sprint(line["msg"], " ", line["username"], " ", line["outcome"], " by ", line["actor"])
}

// nobodyChanged is what must hold after a refused change.
func nobodyChanged(t *testing.T, w *world) {
	t.Helper()
	if diff := cmp.Diff(w.people.all, someone("ana.silva", "root").all); diff != "" || w.directory.passwords != nil {
		t.Errorf("passwords %v, people (-got +want):\n%s", w.directory.passwords, diff)
	}
}

// anActOf is the act of a caller, who keeps locks unless they may unlock.
func anActOf(caller access.Caller) access.Act {
	act := anAct(caller.String())
	act.KeepsLocks = caller.Role != access.Sysadmin
	return act
}

func TestAUserIsCreated(t *testing.T) {
	const now = "2026-11-23T10:00:00.123Z"
	tests := []struct {
		event string
		as    access.Caller
		want  map[string]any
	}{
		{"create", root, userOf("zoë", "Manager", "Zoë Silva", "zoe@example.com", now)},
		{"create", sue, userOf("zoë", "Manager", "Zoë Silva", "zoe@example.com", now)},
		{"create-with-the-least", root, userOf("zoë", "Manager", "", "", now)},
		{"create-with-empty-name-and-email", root, userOf("zoë", "Manager", "", "", now)},
		{"create-in-another-spelling", root, userOf("zoë", "Manager", "Zoë Silva", "zoe@example.com", now)},
		{"create-a-sysadmin", root, userOf("zoë", "Sysadmin", "Zoë Silva", "zoe@example.com", now)},
	}
	for _, test := range tests {
		t.Run(test.event+" as "+string(test.as.Role), func(t *testing.T) {
			w := newWorld(t)
			a := w.send(t, as(recorded(t, "manage/"+test.event), test.as))
			if diff := cmp.Diff(a.fields, test.want); a.StatusCode != 201 || diff != "" {
				t.Errorf("status %d, answer (-got +want):\n%s", a.StatusCode, diff)
			}
			if diff := cmp.Diff(w.directory.passwords, map[string]string{"acme/zoë": "s3cret new 1"}); diff != "" {
				t.Errorf("passwords (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(w.directory.acts, []access.Act{anActOf(test.as)}, acts); diff != "" {
				t.Errorf("acts (-got +want):\n%s", diff)
			}
			if got, want := w.logged(t), "user_created zoë ok by "+test.as.String(); got != want {
				t.Errorf("logged %q, want %q", got, want)
			}
		})
	}
}

// acts are compared without what they may, which is a function.
var acts = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".May" }, cmp.Ignore())

func TestAUserWhoIsThereIsAConflict(t *testing.T) {
	w := newWorld(t)
	a := w.send(t, recorded(t, "manage/create-ana"))
	if a.StatusCode != 409 || a.kind() != "conflict" || a.fields["detail"] != "There is a user of this name already." || len(a.fields) != 5 {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	if got, want := w.logged(t), "request ana.silva conflict by acme/root"; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
	nobodyChanged(t, w)
}

// TestAUserIsCreatedThoughTheirAttemptsCannotBeRead: they have none.
func TestAUserIsCreatedThoughTheirAttemptsCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.unread = errOutage
	a := w.send(t, recorded(t, "manage/create-with-the-least"))
	want := userOf("zoë", "Manager", "", "", "2026-11-23T10:00:00.123Z")
	if diff := cmp.Diff(a.fields, want); a.StatusCode != 201 || diff != "" {
		t.Errorf("status %d, answer (-got +want):\n%s", a.StatusCode, diff)
	}
	line := w.log.last(t)
	if line["msg"] != "user_created" || line["level"] != "ERROR" || !strings.Contains(fmt.Sprint(line["error"]), "reading attempts") {
		t.Errorf("logged as %v", line)
	}
}

func TestAUserIsUpdated(t *testing.T) {
	const created = "2026-11-23T09:00:00.123Z"
	tests := []struct {
		event string
		as    access.Caller
		want  map[string]any
	}{
		{"update-role", root, userOf("ana.silva", "ITUser", "N. ana.silva", "ana.silva@example.com", created)},
		{"update-role", sue, userOf("ana.silva", "ITUser", "N. ana.silva", "ana.silva@example.com", created)},
		{"update-to-sysadmin", root, userOf("ana.silva", "Sysadmin", "N. ana.silva", "ana.silva@example.com", created)},
		{"update-name-and-email", root, userOf("ana.silva", "Manager", "Ana Reis", "ana.reis@example.com", created)},
		{"update-to-an-empty-name-and-email", root, userOf("ana.silva", "Manager", "", "", created)},
		{"update-all", root, userOf("ana.silva", "Superuser", "Ana Reis", "ana.reis@example.com", created)},
	}
	for _, test := range tests {
		t.Run(test.event+" as "+string(test.as.Role), func(t *testing.T) {
			w := newWorld(t)
			a := w.send(t, as(recorded(t, "manage/"+test.event), test.as))
			if diff := cmp.Diff(a.fields, test.want); a.StatusCode != 200 || diff != "" {
				t.Errorf("status %d, answer (-got +want):\n%s", a.StatusCode, diff)
			}
			if got, want := w.logged(t), "user_updated ana.silva ok by "+test.as.String(); got != want {
				t.Errorf("logged %q, want %q", got, want)
			}
		})
	}
}

func TestAnUpdatedUserIsShownAsLockedAsTheyAre(t *testing.T) {
	w := lockedWorld(t)
	a := w.send(t, recorded(t, "manage/update-role"))
	if a.fields["locked"] != true || a.fields["lock_id"] != "01LOCK" || a.fields["failed_attempts"] != float64(5) || !w.isLocked(t) {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	if _, shown := a.fields["evidence"]; shown {
		t.Errorf("the evidence is shown: %s", a.Body)
	}
}

func TestAPasswordIsSetAndUnlocksNobody(t *testing.T) {
	w := lockedWorld(t)
	if a := w.send(t, recorded(t, "manage/password")); a.StatusCode != 204 {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	if diff := cmp.Diff(w.directory.passwords, map[string]string{"acme/ana.silva": "s3cret new 1"}); diff != "" {
		t.Errorf("passwords (-got +want):\n%s", diff)
	}
	staysLocked(t, w)
	if got, want := w.logged(t), "password_set ana.silva ok by acme/root"; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
}

func TestAUserIsDeleted(t *testing.T) {
	w := newWorld(t)
	if a := w.send(t, recorded(t, "manage/delete")); a.StatusCode != 204 {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	if got, want := w.logged(t), "user_deleted ana.silva ok by acme/root"; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
	if a := w.send(t, recorded(t, "manage/delete")); a.StatusCode != 404 || a.fields["detail"] != "There is no such user." {
		t.Errorf("a second time: got %d %s", a.StatusCode, a.Body)
	}
}

// changes are the events that change ana.silva.
var changes = []string{"update-role", "update-name-and-email", "password", "delete"}

func TestAChangeOfNobodyIsNotFound(t *testing.T) {
	for _, name := range changes {
		w := newWorld(t)
		w.people = people{}
		if a := w.send(t, recorded(t, "manage/"+name)); a.StatusCode != 404 || a.fields["detail"] != "There is no such user." {
			t.Errorf("%s: got %d %s", name, a.StatusCode, a.Body)
		}
	}
	w := newWorld(t)
	w.directory.noClient = true
	if a := w.send(t, recorded(t, "manage/create")); a.StatusCode != 404 || a.fields["detail"] != "There is no such client." {
		t.Errorf("create: got %d %s", a.StatusCode, a.Body)
	}
}

// TestASuperuserAdministersNoSysadmin, neither one who is nor one who shall be.
func TestASuperuserAdministersNoSysadmin(t *testing.T) {
	for _, name := range append([]string{"create-a-sysadmin", "update-to-sysadmin"}, changes...) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if !strings.Contains(name, "sysadmin") {
				w.people.all[0].Role = access.Sysadmin
			}
			a := w.send(t, as(recorded(t, "manage/"+name), sue))
			if a.StatusCode != 403 || a.fields["detail"] != "Your role or your client does not allow this." {
				t.Errorf("got %d %s", a.StatusCode, a.Body)
			}
			if line := w.log.last(t); line["msg"] != "authz_fail" || line["actor"] != "acme/sue" {
				t.Errorf("logged as %v", line)
			}
			if len(w.directory.acts) != 0 {
				t.Errorf("acts are %+v", w.directory.acts)
			}
		})
	}
}

func TestTheLastSysadminStaysOne(t *testing.T) {
	for name, status := range map[string]int{"update-role": 409, "delete": 409, "update-name-and-email": 200, "password": 204} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.people.all[0].Role = access.Sysadmin
			a := w.send(t, recorded(t, "manage/"+name))
			if a.StatusCode != status {
				t.Errorf("got %d %s", a.StatusCode, a.Body)
			}
			detail, _ := a.fields["detail"].(string)
			if status == 409 && (a.kind() != "conflict" || !strings.Contains(detail, "last Sysadmin")) {
				t.Errorf("got %s", a.Body)
			}
		})
	}
}

func TestAChangeDuringAnOutageIsUnavailable(t *testing.T) {
	for _, name := range append([]string{"create"}, changes...) {
		w := newWorld(t)
		w.directory.fault = func() error { return errOutage }
		a := w.send(t, recorded(t, "manage/"+name))
		if a.StatusCode != 503 || a.Headers["Retry-After"] != "5" || w.log.last(t)["msg"] != "request" {
			t.Errorf("%s: got %d %s, logged as %v", name, a.StatusCode, a.Body, w.log.last(t))
		}
		nobodyChanged(t, w)
	}
	w := newWorld(t)
	w.unread = errOutage
	if a := w.send(t, recorded(t, "manage/update-role")); a.StatusCode != 503 {
		t.Errorf("got %d %s for a user whose attempts cannot be read", a.StatusCode, a.Body)
	}
}

// TestEveryChangeSurvivesAPanic, and so do renewing and ending a session and
// unlocking many.
func TestEveryChangeSurvivesAPanic(t *testing.T) {
	panics := func() error { panic("index out of range") }
	tests := map[string]func(*world){
		"token/plain":         func(w *world) { w.people.panics = "ana.silva" },
		"token/from-before":   func(w *world) { w.sessions.fault = func(string) error { return panics() } },
		"logout/plain":        func(w *world) { w.sessions.fault = func(string) error { return panics() } },
		"unlocks/one-of-each": func(w *world) { w.edge.Key = nil },
		"manage/create":       func(w *world) { w.directory.fault = panics },
	}
	for _, name := range changes {
		tests["manage/"+name] = tests["manage/create"]
	}
	for event, meddle := range tests {
		t.Run(event, func(t *testing.T) {
			w := newWorld(t)
			meddle(w)
			a := w.send(t, recorded(t, event))
			if a.StatusCode != 500 || a.kind() != "internal" || strings.Contains(a.Body, "index") {
				t.Errorf("got %d %s", a.StatusCode, a.Body)
			}
			if line := w.log.last(t); line["level"] != "ERROR" || !strings.Contains(fmt.Sprint(line["error"]), "panic: ") {
				t.Errorf("logged as %v", line)
			}
		})
	}
}

func TestAnErrorThatNobodyKnowsIsInternal(t *testing.T) {
	w := newWorld(t)
	w.directory.fault = func() error { return errors.New("nil map") }
	if a := w.send(t, recorded(t, "manage/create")); a.StatusCode != 500 || strings.Contains(a.Body, "nil map") {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
}

func TestABadChangeOfAUserIsRefused(t *testing.T) {
	username, role, name, email, password := wrongField("username"), wrongField("role"), wrongField("name"), wrongField("email"), wrongField("password")
	refuses(t, "manage/refused", map[string]aRefusal{
		"create-without-username": username, "create-with-null-username": username, "create-with-an-empty-username": username,
		"create-with-a-slash-in-the-username": username, "create-with-a-zero-width-joiner": username,
		"create-with-a-right-to-left-override": username, "create-with-an-over-long-username": username,
		"create-with-spaces-in-the-username": username,
		"create-without-role":                role, "create-with-null-role": role, "create-with-an-unknown-role": role, "create-with-an-empty-role": role,
		"create-without-password": password, "create-with-null-password": password, "create-with-a-short-password": password,
		"create-with-a-password-without-a-letter": password, "create-with-a-password-without-a-digit": password,
		"create-with-an-over-long-password": password, "create-with-an-empty-password": password,
		"create-with-the-username-as-password": password,
		"create-with-a-name-of-two-lines":      name, "create-with-an-over-long-name": name, "create-with-an-over-long-email": email,
		"create-with-several-faults": wrongField("role", "name", "email"), "create-with-nothing": wrongField("username", "role", "password"),
		"create-with-an-unknown-field": wrongField("locked"), "create-with-a-client": wrongField("client"),
		"create-with-a-query-parameter": wrongField("force"),
		"create-without-a-body":         notJSON, "create-that-is-not-JSON": notJSON, "create-that-is-a-form": unsupported, "create-of-9-KiB": tooLarge,

		"update-of-nothing": notJSON, "update-without-a-body": notJSON, "update-of-the-username": username,
		"update-of-the-password": password, "update-to-an-unknown-role": role, "update-to-an-empty-role": role, "update-to-null": name,
		"update-to-a-name-of-the-wrong-type": name, "update-to-a-name-with-control-characters": name,
		"update-to-an-over-long-email": email, "update-of-9-KiB": tooLarge, "update-that-is-text": unsupported,

		"password-without-one": password, "password-that-is-null": password, "password-that-is-empty": password,
		"password-that-is-short": password, "password-with-a-NUL-byte": password, "password-with-another-field": wrongField("unlock"),
		"password-without-a-body": notJSON, "password-of-9-KiB": tooLarge, "password-that-is-text": unsupported,

		"delete-with-a-body": notJSON, "delete-with-a-query-parameter": wrongField("force"),
	}, nobodyChanged)
}

func TestARuleThatAValueBreaksIsToldInItsWords(t *testing.T) {
	for event, want := range map[string]string{
		"create-with-a-short-password":           "must have at least 8 characters",
		"create-with-a-password-without-a-digit": "must contain a digit",
		"create-with-an-over-long-username":      "must have at most 64 characters",
		"update-to-an-unknown-role":              "must be one of Sysadmin, Superuser, Manager, ITUser",
		"update-of-nothing":                      "must have at least one of role, name and email",
	} {
		a := newWorld(t).send(t, recorded(t, "manage/refused/"+event))
		if !strings.Contains(a.Body, `"message":"`+want+`"`) {
			t.Errorf("%s: got %s, want %q", event, a.Body, want)
		}
	}
}

func TestALockedUserIsNotDeletedByWhoKeepsLocks(t *testing.T) {
	w := newWorld(t)
	w.directory.fault = func() error { return access.ErrLocked }
	a := w.send(t, as(recorded(t, "manage/delete"), sue))
	if a.StatusCode != 403 || !strings.HasPrefix(fmt.Sprint(a.fields["detail"]), "This user is locked.") {
		t.Errorf("got %d %v, want 403 with the reason", a.StatusCode, a.fields)
	}
}

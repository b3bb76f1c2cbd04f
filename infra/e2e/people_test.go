package e2e_test

import (
	"maps"
	"net/http"
	"net/url"
	"testing"
)

// add makes a user as the Sysadmin, and returns them as a person.
func (w *world) add(t *testing.T, username, role, password string) person {
	t.Helper()
	root := w.with(t, "Sysadmin")
	p := person{Client: root.Client, Username: username, Password: password, Role: role}
	w.manage(t, "POST", "/clients/"+p.Client+"/users", http.StatusCreated, map[string]string{
		"username": username, "role": role, "name": "Eva Luz", "email": "eva@demo.example", "password": password,
	})
	return p
}

// manage makes a change as the Sysadmin, and checks the status.
func (w *world) manage(t *testing.T, method, path string, want int, body any) answer {
	t.Helper()
	a := w.call(t, method, path, w.token(t, w.with(t, "Sysadmin")), body)
	if a.status != want {
		t.Fatalf("%s %s: got %s, want %d", method, path, a, want)
	}
	return a
}

// entriesOf counts the entries of the trail about a person.
func (w *world) entriesOf(t *testing.T, p person) map[string]int {
	t.Helper()
	a := w.manage(t, "GET", "/clients/"+p.Client+"/audit?username="+url.QueryEscape(p.Username), http.StatusOK, nil)
	counts := map[string]int{}
	for _, entry := range a.body["entries"].([]any) {
		counts[entry.(map[string]any)["action"].(string)]++
	}
	return counts
}

// TestAUsersYears has somebody come, change their role and password, go, and
// somebody else come under their name: a session ends with each, and a lock does
// not outlive them.
func TestAUsersYears(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		eva := w.add(t, "eva.luz", "Manager", "Correct-horse-9")
		session := w.begin(t, eva)
		w.manage(t, "PUT", userPath(eva), http.StatusOK, map[string]string{"role": "ITUser"})
		w.session(t, "/token", session, http.StatusUnauthorized)

		session = w.begin(t, eva)
		w.manage(t, "PUT", userPath(eva)+"/password", http.StatusNoContent, map[string]string{"password": "Second-horse-9"})
		w.session(t, "/token", session, http.StatusUnauthorized)
		eva.Password = "Second-horse-9"

		session = w.begin(t, eva)
		for range maximum {
			w.login(t, eva, wrong(0))
		}
		w.manage(t, "DELETE", userPath(eva), http.StatusNoContent, nil)
		w.manage(t, "GET", userPath(eva), http.StatusNotFound, nil)
		w.session(t, "/token", session, http.StatusUnauthorized)

		anew := w.add(t, "eva.luz", "Superuser", "Third-horse-9")
		w.session(t, "/token", session, http.StatusUnauthorized)
		if a := w.login(t, anew, eva.Password); a.status != http.StatusUnauthorized || a.body["attempts_remaining"] != float64(maximum-1) {
			t.Errorf("the password of another eva: got %s, want 401 with the whole budget but one", a)
		}
		w.session(t, "/token", w.begin(t, anew), http.StatusOK)
		want := map[string]int{
			"user_created": 2, "user_updated": 1, "password_set": 1, "user_deleted": 1, "authn_login_lock": 1, "authn_login_unlock": 1,
		}
		if got := w.entriesOf(t, anew); !maps.Equal(got, want) {
			t.Errorf("entries: got %v, want %v", got, want)
		}
	})
}

// TestWhoMayManageWhom has a Superuser administer all but Sysadmins, and the
// last Sysadmin stay.
func TestWhoMayManageWhom(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		root := w.with(t, "Sysadmin")
		sofia := w.token(t, w.with(t, "Superuser"))
		eva := map[string]string{"username": "eva.luz", "role": "Sysadmin", "password": "Correct-horse-9"}
		for _, refused := range []answer{
			w.call(t, "POST", "/clients/"+root.Client+"/users", sofia, eva),
			w.call(t, "PUT", userPath(root), sofia, map[string]string{"name": "Nobody"}),
			w.call(t, "PUT", userPath(root)+"/password", sofia, map[string]string{"password": "Second-horse-9"}),
			w.call(t, "DELETE", userPath(root), sofia, nil),
		} {
			if refused.status != http.StatusForbidden {
				t.Errorf("as a Superuser: got %s, want 403", refused)
			}
		}
		eva["role"] = "Manager"
		if a := w.call(t, "POST", "/clients/"+root.Client+"/users", sofia, eva); a.status != http.StatusCreated {
			t.Errorf("a Superuser makes a Manager: got %s, want 201", a)
		}
		w.manage(t, "PUT", userPath(root), http.StatusConflict, map[string]string{"role": "Manager"})
		w.manage(t, "DELETE", userPath(root), http.StatusConflict, nil)
	})
}

// TestATokenIsWorthWhatItsUserIs uses access tokens that are good for minutes
// yet, of people who are not any more who the tokens say: a Sysadmin who was
// dismissed must not make themselves one again.
func TestATokenIsWorthWhatItsUserIs(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		second := w.add(t, "second", "Sysadmin", "Correct-horse-9")
		token := w.token(t, second)
		if a := w.call(t, "GET", userPath(second), token, nil); a.status != http.StatusOK {
			t.Fatalf("as a Sysadmin: got %s, want 200", a)
		}
		w.manage(t, "PUT", userPath(second), http.StatusOK, map[string]string{"role": "ITUser"})
		if a := w.call(t, "PUT", userPath(second), token, map[string]string{"role": "Sysadmin"}); a.status != http.StatusUnauthorized {
			t.Errorf("demoted, and back by the old token: got %s, want 401", a)
		}
		w.manage(t, "PUT", userPath(second), http.StatusOK, map[string]string{"role": "Sysadmin"})
		token = w.token(t, second)
		w.manage(t, "DELETE", userPath(second), http.StatusNoContent, nil)
		ghost := map[string]string{"username": "ghost", "role": "Sysadmin", "password": "Correct-horse-9"}
		if a := w.call(t, "POST", "/clients/"+second.Client+"/users", token, ghost); a.status != http.StatusUnauthorized {
			t.Errorf("deleted, and a Sysadmin made by the old token: got %s, want 401", a)
		}
	})
}

// TestASuperuserOpensNoLock has one try to let a locked name in by deleting the
// user and making another.
func TestASuperuserOpensNoLock(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		eva := w.add(t, "eva.luz", "Manager", "Correct-horse-9")
		for range maximum {
			w.login(t, eva, wrong(0))
		}
		sofia := w.token(t, w.with(t, "Superuser"))
		if a := w.call(t, "DELETE", userPath(eva), sofia, nil); a.status != http.StatusForbidden {
			t.Errorf("as a Superuser: got %s, want 403", a)
		}
		if a := w.login(t, eva, eva.Password); a.status != http.StatusLocked {
			t.Errorf("the right password: got %s, want 423", a)
		}
		w.manage(t, "DELETE", userPath(eva), http.StatusNoContent, nil)
	})
}

package e2e_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rows reads a list to its end, and returns one field of each row.
func (w *world) rows(t *testing.T, path, list, field string, query url.Values) []string {
	t.Helper()
	token := w.token(t, w.with(t, "Sysadmin"))
	var all []string
	for {
		a := w.call(t, "GET", path+"?"+query.Encode(), token, nil)
		found, ok := a.body[list].([]any)
		if a.status != http.StatusOK || !ok {
			t.Fatalf("GET %s: got %s, want 200", path, a)
		}
		for _, row := range found {
			all = append(all, row.(map[string]any)[field].(string))
		}
		next, more := a.body["next_cursor"].(string)
		if !more {
			return all
		}
		query.Set("cursor", next)
	}
}

func TestALockShowsInTheListAndInTheTrail(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		ana := w.with(t, "Manager")
		users, trail := "/clients/"+ana.Client+"/users", "/clients/"+ana.Client+"/audit"
		nobody := person{Client: ana.Client, Username: "nobody.at.all"}
		for range maximum {
			w.login(t, ana, wrong(0))
			w.login(t, nobody, wrong(0))
		}
		locked := w.rows(t, users, "users", "username", url.Values{"locked": {"true"}})
		if diff := cmp.Diff(locked, []string{ana.Username}); diff != "" {
			t.Errorf("locked users (-got +want):\n%s", diff)
		}
		if others := w.rows(t, users, "users", "username", url.Values{"locked": {"false"}, "limit": {"2"}}); slices.Contains(others, ana.Username) {
			t.Errorf("got %v, want no locked user among them", others)
		}
		w.unlock(t, ana)
		if locked := w.rows(t, users, "users", "username", url.Values{"locked": {"true"}}); len(locked) != 0 {
			t.Errorf("after the unlock: got %v, want nobody", locked)
		}
		for name, want := range map[string][]string{
			ana.Username: {"authn_login_unlock", "authn_login_lock"}, nobody.Username: {"authn_login_lock"},
		} {
			acts := w.rows(t, trail, "entries", "action", url.Values{"username": {name}, "limit": {"1"}})
			acts = slices.DeleteFunc(acts, func(act string) bool { return !strings.HasPrefix(act, "authn_") })
			if diff := cmp.Diff(acts, want); diff != "" {
				t.Errorf("trail of %s (-got +want):\n%s", name, diff)
			}
		}
	})
}

func TestACursorIsOfItsListAlone(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		root := w.with(t, "Sysadmin")
		users, token := "/clients/"+root.Client+"/users", w.token(t, root)
		a := w.call(t, "GET", users+"?limit=1", token, nil)
		cursor, _ := a.body["next_cursor"].(string)
		for query, want := range map[string]int{
			"limit=2&cursor=" + cursor:      http.StatusOK,
			"role=Manager&cursor=" + cursor: http.StatusBadRequest,
			"cursor=" + cursor[1:]:          http.StatusBadRequest,
		} {
			if a := w.call(t, "GET", users+"?"+query, token, nil); a.status != want {
				t.Errorf("?%s: got %s, want %d", query, a, want)
			}
		}
		if a := w.call(t, "GET", "/clients/"+root.Client+"/audit?cursor="+cursor, token, nil); a.status != http.StatusBadRequest {
			t.Errorf("a cursor of the users, in the trail: got %s, want 400", a)
		}
	})
}

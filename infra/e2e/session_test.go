package e2e_test

import (
	"net/http"
	"testing"
)

// begin logs a person in and returns their refresh token.
func (w *world) begin(t *testing.T, p person) string {
	t.Helper()
	a := w.login(t, p, p.Password)
	if a.status != http.StatusOK {
		t.Fatalf("logging %s in: got %s, want 200", p.Username, a)
	}
	return a.body["refresh_token"].(string)
}

// session sends a refresh token to /token or /logout, and checks the status.
func (w *world) session(t *testing.T, path, refreshToken string, want int) answer {
	t.Helper()
	a := w.call(t, "POST", path, "", map[string]string{"refresh_token": refreshToken})
	if a.status != want {
		t.Errorf("%s: got %s, want %d", path, a, want)
	}
	return a
}

func TestASessionIsRenewedUntilItIsEnded(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		root := w.with(t, "Sysadmin")
		one, other := w.begin(t, root), w.begin(t, root)
		renewed := w.session(t, "/token", one, http.StatusOK)
		token, _ := renewed.body["access_token"].(string)
		if a := w.call(t, "GET", "/clients/"+root.Client+"/audit", token, nil); a.status != http.StatusOK {
			t.Errorf("with the new token: got %s, want 200", a)
		}
		w.session(t, "/token", token, http.StatusUnauthorized)
		for range 2 {
			w.session(t, "/logout", one, http.StatusNoContent)
			w.session(t, "/token", one, http.StatusUnauthorized)
		}
		w.session(t, "/token", other, http.StatusOK)
	})
}

func TestALockedUserGetsNoTokenByAnyPath(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		ana := w.with(t, "Manager")
		refreshToken := w.begin(t, ana)
		for range maximum {
			w.login(t, ana, wrong(0))
		}
		w.session(t, "/token", refreshToken, http.StatusLocked)
		w.unlock(t, ana)
		w.session(t, "/token", refreshToken, http.StatusOK)
	})
}

package e2e_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// maximum is the default of failed logins that the tests count to.
const maximum = 5

func TestFiveFailuresLockAndOnlyAnUnlockLetsBackIn(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		ana := w.with(t, "Manager")
		for left := maximum - 1; left >= 1; left-- {
			a := w.login(t, ana, wrong(0))
			if a.status != http.StatusUnauthorized || a.body["attempts_remaining"] != float64(left) {
				t.Fatalf("got %s, want 401 with %d remaining", a, left)
			}
		}
		for _, password := range []string{wrong(0), wrong(0), ana.Password} {
			if a := w.login(t, ana, password); a.status != http.StatusLocked {
				t.Fatalf("got %s, want 423", a)
			}
		}
		if user := w.user(t, ana); user["locked"] != true || len(user["evidence"].([]any)) != maximum {
			t.Errorf("the Sysadmin sees %v, want a locked user with %d pieces of evidence", user, maximum)
		}
		if a := w.unlock(t, ana); a.body["was_locked"] != true || a.body["failed_attempts"] != float64(maximum) {
			t.Errorf("unlock: got %s, want was_locked and %d failures", a, maximum)
		}
		if a := w.login(t, ana, wrong(0)); a.body["attempts_remaining"] != float64(maximum-1) {
			t.Errorf("after the unlock: got %s, want the full budget", a)
		}
		if a := w.login(t, ana, ana.Password); a.status != http.StatusOK {
			t.Errorf("after the unlock: got %s, want 200", a)
		}
	})
}

func TestABurstOfWrongLoginsComparesExactlyTheMaximum(t *testing.T) {
	sizes := map[string]int{"embedded": 1000, "functions": 100}
	inBothWorlds(t, func(t *testing.T, w *world) {
		size := sizes[lastPart(t)]
		ana := w.with(t, "Manager")
		counts := tally(w.burst(size, ana, wrong))
		t.Logf("%d parallel wrong logins: %v", size, counts)
		if counts[401] != maximum-1 || counts[423] < 1 || counts[401]+counts[423]+counts[429] != size {
			t.Errorf("got %v, want %d times 401 and the rest 423 or 429", counts, maximum-1)
		}
		if user := w.user(t, ana); user["failed_attempts"] != float64(maximum) || len(user["evidence"].([]any)) != maximum {
			t.Errorf("the Sysadmin sees %v, want %d compared", user, maximum)
		}
		if a := w.login(t, ana, ana.Password); a.status != http.StatusLocked {
			t.Errorf("the right password: got %s, want 423", a)
		}
		w.unlock(t, ana)
		for left := maximum - 1; left >= 1; left-- {
			if a := w.login(t, ana, wrong(0)); a.body["attempts_remaining"] != float64(left) {
				t.Errorf("after the unlock: got %s, want %d remaining", a, left)
			}
		}
		if a := w.login(t, ana, ana.Password); a.status != http.StatusOK {
			t.Errorf("the fifth attempt after the unlock: got %s, want 200", a)
		}
	})
}

// lastPart returns the name of the innermost subtest.
func lastPart(t *testing.T) string {
	name := t.Name()
	return name[slices.Index([]byte(name), '/')+1:]
}

func TestTwentyParallelRightLoginsAllGetIn(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		ana := w.with(t, "Manager")
		counts := tally(w.burst(20, ana, func(int) string { return ana.Password }))
		if diff := cmp.Diff(map[int]int{200: 20}, counts); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	})
}

// Nine wrong logins beside twenty right ones may lock only if all nine really
// failed one after the other with no success between, which is what the rule
// promises; charging alone must never lock. With eight wrong ones no order of
// events may.
func TestWrongLoginsBesideRightOnesLockNobody(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		ana := w.with(t, "Manager")
		w.setMaximum(t, ana.Client, 9)
		const wrongOnes, rightOnes = 8, 20
		statuses := w.burst(wrongOnes+rightOnes, ana, func(i int) string {
			if i < wrongOnes {
				return wrong(i)
			}
			return ana.Password
		})
		counts := tally(statuses[wrongOnes:])
		if diff := cmp.Diff(map[int]int{200: rightOnes}, counts); diff != "" {
			t.Errorf("right logins (-want +got):\n%s", diff)
		}
		if user := w.user(t, ana); user["locked"] == true {
			t.Errorf("the user is locked: %v", user)
		}
	})
}

func TestOnlyASysadminOfTheClientUnlocks(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		root, ana := w.with(t, "Sysadmin"), w.with(t, "Manager")
		idToken := w.login(t, root, root.Password).body["id_token"].(string)
		rootToken := w.token(t, root)
		for name, c := range map[string]struct {
			path, token string
			want        int
		}{
			"nobody":                       {userPath(ana), "", 401},
			"a token that is none":         {userPath(ana), "not.a.token", 401},
			"an ID token":                  {userPath(ana), idToken, 401},
			"a token changed by one byte":  {userPath(ana), flipLastByte(rootToken), 401},
			"a Superuser":                  {userPath(ana), w.token(t, w.with(t, "Superuser")), 403},
			"a Manager":                    {userPath(ana), w.token(t, ana), 403},
			"a Sysadmin of another client": {"/clients/other/users/" + ana.Username, rootToken, 403},
			"a Sysadmin, themselves":       {userPath(root), rootToken, 403},
			"a Sysadmin, nobody":           {"/clients/" + ana.Client + "/users/nobody", rootToken, 404},
			"a Sysadmin":                   {userPath(ana), rootToken, 200},
		} {
			if a := w.call(t, "POST", c.path+"/unlock", c.token, nil); a.status != c.want {
				t.Errorf("%s: got %s, want %d", name, a, c.want)
			}
		}
	})
}

func TestAnUnlockByLockIDIsRefusedForAnotherLock(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		ana := w.with(t, "Manager")
		token := w.token(t, w.with(t, "Sysadmin"))
		for range maximum {
			w.login(t, ana, wrong(0))
		}
		lock := w.user(t, ana)["lock_id"]
		a := w.call(t, "POST", userPath(ana)+"/unlock", token, map[string]any{"lock_id": "01JZZZZZZZZZZZZZZZZZZZZZZZ"})
		if a.status != http.StatusConflict || a.body["current"] != lock {
			t.Errorf("another lock: got %s, want 409 with current %v", a, lock)
		}
		a = w.call(t, "POST", userPath(ana)+"/unlock", token, map[string]any{"lock_id": lock, "reason": "called"})
		if a.status != http.StatusOK {
			t.Errorf("the lock itself: got %s, want 200", a)
		}
	})
}

func TestThePolicyIsInForce(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		ana, token := w.with(t, "Manager"), w.token(t, w.with(t, "Sysadmin"))
		path := "/clients/" + ana.Client + "/policy"
		if a := w.call(t, "GET", path, token, nil); a.body["max_failed_login_attempts_portal"] != float64(maximum) {
			t.Errorf("at first: got %s, want %d", a, maximum)
		}
		for _, bad := range []any{0, 10, nil, "7", 7.5, true} {
			a := w.call(t, "PUT", path, token, map[string]any{"max_failed_login_attempts_portal": bad})
			if a.status != http.StatusBadRequest {
				t.Errorf("%v: got %s, want 400", bad, a)
			}
		}
		w.setMaximum(t, ana.Client, 7)
		a := w.call(t, "GET", path, token, nil)
		if a.body["max_failed_login_attempts_portal"] != float64(7) || a.body["source"] != "client" {
			t.Errorf("after a change: got %s, want 7 by the client", a)
		}
		stale := map[string]any{"max_failed_login_attempts_portal": 3, "version": 0}
		if a := w.call(t, "PUT", path, token, stale); a.status != http.StatusConflict {
			t.Errorf("a stale version: got %s, want 409", a)
		}
		if a := w.call(t, "DELETE", path, token, nil); a.body["source"] != "default" {
			t.Errorf("after a delete: got %s, want the default", a)
		}
	})
}

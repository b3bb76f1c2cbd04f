package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAnAdminRouteWantsAGoodToken sees that the authorizer is asked, and that its
// answer counts. Who refuses, and in which words, is the gateway's matter: SAM has
// words of its own, and a 403 or a 502 for a token that is no token.
func TestAnAdminRouteWantsAGoodToken(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		users := "/clients/" + w.people[0].Client + "/users"
		plain := *w
		plain.client = http.DefaultClient
		status := func(token string) int { return plain.call(t, "GET", users, token, nil).status }
		got := map[string]int{
			"none": status(""), "bad": status("eyJhbGciOiJub25lIn0.e30."), "good": status(w.token(t, w.with(t, "Sysadmin"))),
			"another role's": status(w.token(t, w.with(t, "Manager"))),
		}
		want := map[string]int{"none": 401, "bad": 401, "good": 200, "another role's": 403}
		if *samAPI != "" {
			want["bad"] = http.StatusBadGateway // it does not know API Gateway's "Unauthorized"
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("status by token (-got +want):\n%s", diff)
		}
	})
}

// portal is the origin that infra/tools/sam-local-test allows. The servers of the
// other worlds allow none here; tests of infra/local do.
const portal = "https://portal.example"

func TestABrowserMayAskFirst(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		allowed := ""
		if *samAPI != "" {
			allowed = portal
		}
		for _, path := range []string{"/login", "/clients/" + w.people[0].Client + "/users"} {
			r, err := http.NewRequest("OPTIONS", w.base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Origin", portal)
			a, err := w.do(r)
			if got := a.header.Get("Access-Control-Allow-Origin"); err != nil || a.status != http.StatusNoContent || got != allowed {
				t.Errorf("OPTIONS %s: got %s, %v for origin %q, want 204 for %q", path, a, err, got, allowed)
			}
		}
	})
}

func TestTheConsoleIsServed(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		r, err := http.NewRequest("GET", w.base+"/console/index.html", nil)
		if err != nil {
			t.Fatal(err)
		}
		plain := *w
		plain.client = http.DefaultClient // the contract has no pages
		a, err := plain.do(r)
		if err != nil || a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") ||
			!strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("got %d with %v, %v; want a page with its policy", a.status, a.header, err)
		}
	})
}

func TestThirtyTwoPeopleLogInAtOnce(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		const rounds = 8
		var statuses []int
		results := make(chan []int)
		for _, p := range w.people {
			go func() { results <- w.burst(rounds, p, func(int) string { return p.Password }) }()
		}
		for range w.people {
			statuses = append(statuses, <-results...)
		}
		if diff := cmp.Diff(map[int]int{200: rounds * len(w.people)}, tally(statuses)); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	})
}

package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"portcullis/infra/matrix"
)

// strangers is a client that nobody of these tests is of.
const strangers = "umbrella"

// A cell is a request of the matrix: a route, by a role, to their own client or to
// another, and to whom it is done.
type cell struct {
	row              matrix.Row
	role, client, to string
}

// lets reports whether the caller gets through.
func (c cell) lets(own string) bool { return c.client == own && c.row.Lets(c.role, c.to) }

// TestEveryRouteByEveryRole sends each route that asks for a token, by each role, to
// their own client and to another; infra/local does so with every kind of token.
func TestEveryRouteByEveryRole(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, w *world) {
		own, tokens := w.people[0].Client, map[string]string{}
		for _, role := range []string{matrix.Sysadmin, matrix.Superuser, matrix.Manager, matrix.ITUser} {
			tokens[role] = w.token(t, w.with(t, role))
		}
		for _, role := range []string{matrix.Manager, matrix.Sysadmin} {
			w.makes(t, tokens[matrix.Sysadmin], person{Client: own, Username: "victim-" + role, Role: role})
		}
		var refused, let []cell
		for _, c := range cells(tokens, own) {
			if c.lets(own) {
				let = append(let, c)
			} else {
				refused = append(refused, c)
			}
		}
		w.refuses(t, tokens, own, refused)
		w.letsThrough(t, tokens, own, let)
		t.Logf("%d cells refused, %d let through", len(refused), len(let))
	})
}

// refuses sends what must be refused, and sees that the client is the same after it.
func (w *world) refuses(t *testing.T, tokens map[string]string, own string, all []cell) {
	t.Helper()
	before := w.all(t, tokens[matrix.Sysadmin], own)
	for _, c := range all {
		path, body := c.row.Request(c.client, "victim-"+c.to, c.to)
		a := w.sends(t, c.row.Method, path, tokens[c.role], body)
		if a.status != http.StatusForbidden || a.body["type"] != "urn:portcullis:problem:forbidden" {
			t.Errorf("%+v: got %s, want 403", c, a)
		}
	}
	if after := w.all(t, tokens[matrix.Sysadmin], own); after != before {
		t.Errorf("what was refused was done all the same: got\n%s\nwant\n%s", after, before)
	}
}

// letsThrough sends what must get through, each to a user of its own.
func (w *world) letsThrough(t *testing.T, tokens map[string]string, own string, all []cell) {
	t.Helper()
	for i, c := range all {
		target := person{Client: own, Username: fmt.Sprint("target-", i), Role: c.to}
		w.makes(t, tokens[matrix.Sysadmin], target)
		path, body := c.row.Request(own, target.Username, c.to)
		if a := w.sends(t, c.row.Method, path, tokens[c.role], body); a.status != c.row.Status {
			t.Errorf("%+v: got %s, want %d", c, a, c.row.Status)
		}
	}
}

// cells returns those of the routes that ask for a token.
func cells(tokens map[string]string, own string) (all []cell) {
	for _, row := range matrix.Rows() {
		if row.May == nil {
			continue
		}
		for role := range tokens {
			for _, client := range []string{own, strangers} {
				all = append(all, cell{row, role, client, matrix.Manager})
				if row.SparesSysadmins {
					all = append(all, cell{row, role, client, matrix.Sysadmin})
				}
			}
		}
	}
	return all
}

// makes makes a user, as the Sysadmin.
func (w *world) makes(t *testing.T, root string, p person) {
	t.Helper()
	a := w.call(t, "POST", "/clients/"+p.Client+"/users", root,
		map[string]string{"username": p.Username, "role": p.Role, "password": "first-word-7"})
	if a.status != http.StatusCreated {
		t.Fatalf("making %s: got %s, want 201", p.Username, a)
	}
}

// sends sends a body as it stands.
func (w *world) sends(t *testing.T, method, path, token, body string) answer {
	t.Helper()
	r, err := http.NewRequest(method, w.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := w.do(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// all returns what there is to see of a client: its users, their locks and counts,
// its policy and its trail.
func (w *world) all(t *testing.T, root, client string) string {
	t.Helper()
	var seen strings.Builder
	for _, path := range []string{"/users?limit=100", "/policy", "/audit?limit=100"} {
		a := w.call(t, "GET", "/clients/"+client+path, root, nil)
		if a.status != http.StatusOK {
			t.Fatalf("%s: got %s, want 200", path, a)
		}
		fmt.Fprintln(&seen, a)
	}
	return seen.String()
}

package access_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"portcullis/internal/access"
)

// TestWhoMayDoWhat writes the table out again, so that a change of it is made
// twice or not at all.
func TestWhoMayDoWhat(t *testing.T) {
	const nobodyElse = 0
	for action, allowed := range map[access.Action]int{ // how many of access.Roles(), most powerful first
		access.UnlockUsers:        1,
		access.ChangePolicy:       1,
		access.ReadAudit:          1,
		access.ReadPolicy:         2,
		access.ReadUsers:          2,
		access.ManageUsers:        2,
		access.Anybody:            nobodyElse,
		access.Action("fly high"): nobodyElse,
	} {
		for i, role := range append(access.Roles(), "", "sysadmin", "Root") {
			t.Run(fmt.Sprintf("%q may %q", role, action), func(t *testing.T) {
				err := access.Caller{Client: "acme", Username: "ana", Role: role}.Check(action, "acme")
				if want := i < allowed; (err == nil) != want {
					t.Errorf("got %v, want allowed %v", err, want)
				}
			})
		}
	}
}

func TestNobodyMayDoAnythingElsewhere(t *testing.T) {
	for name, c := range map[string]struct{ caller, path string }{
		"another client":             {"acme", "other"},
		"no client":                  {"acme", ""},
		"a caller of no client":      {"", "acme"},
		"neither side has a client":  {"", ""},
		"a client in capitals":       {"acme", "ACME"},
		"a client that begins alike": {"acme", "acme2"},
	} {
		t.Run(name, func(t *testing.T) {
			caller := access.Caller{Client: c.caller, Username: "root", Role: access.Sysadmin}
			if err := caller.Check(access.UnlockUsers, c.path); !errors.Is(err, access.ErrForbidden) {
				t.Errorf("got %v, want ErrForbidden", err)
			}
		})
	}
}

func TestRoutesAreFoundAsTheyAreSpelt(t *testing.T) {
	for _, route := range access.Routes() {
		if got, ok := access.FindRoute(route.Method, route.Path); !ok || got != route {
			t.Errorf("%s %s: got %+v, %v", route.Method, route.Path, got, ok)
		}
		for name, other := range map[string][2]string{
			"another method":   {"PATCH", route.Path},
			"a trailing slash": {route.Method, route.Path + "/"},
			"capitals":         {route.Method, strings.ToUpper(route.Path)},
		} {
			if got, ok := access.FindRoute(other[0], other[1]); ok {
				t.Errorf("%s of %s: got %+v, want none", name, route.Path, got)
			}
		}
	}
}

// A route without an action is open to everybody, so each is named here.
func TestOnlyTheNamedRoutesAreOpen(t *testing.T) {
	open := map[string]bool{
		"POST /login": true, "POST /token": true, "POST /logout": true, "GET /health": true, "GET /openapi.yaml": true,
	}
	for _, route := range access.Routes() {
		if route.Method == access.Preflight {
			continue
		}
		name := route.Method + " " + route.Path
		if got := route.Action == access.Anybody; got != open[name] {
			t.Errorf("%s is open: got %v, want %v", name, got, open[name])
		}
		delete(open, name)
	}
	for name := range open {
		t.Errorf("%s is not a route", name)
	}
}

func TestRolesAreCaseSensitive(t *testing.T) {
	for role, want := range map[access.Role]bool{access.Sysadmin: true, access.ITUser: true, "sysadmin": false, "": false} {
		if got := role.Valid(); got != want {
			t.Errorf("%q: got %v, want %v", role, got, want)
		}
	}
}

func TestWhoAListingIsOf(t *testing.T) {
	user := access.User{Username: "Ana.Silva", Role: access.Manager, Name: "ZO\u00cb", Email: "ana@EXAMPLE.com"}
	for name, test := range map[string]struct {
		listing access.Listing
		want    bool
	}{
		"everybody":                          {access.Listing{}, true},
		"their role":                         {access.Listing{Role: access.Manager}, true},
		"another role":                       {access.Listing{Role: access.Sysadmin}, false},
		"a part of the username":             {access.Listing{Text: "a.s"}, true},
		"the name in another case":           {access.Listing{Text: "zo\u00eb"}, true},
		"a part of the address, in capitals": {access.Listing{Text: "@EX"}, true},
		"a text across two of them":          {access.Listing{Text: "silvaz"}, false},
		"another text with their role":       {access.Listing{Role: access.Manager, Text: "bob"}, false},
		"their text with another role":       {access.Listing{Role: access.ITUser, Text: "ana"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.listing.Of(user); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	jsonv2 "github.com/go-json-experiment/json"

	"portcullis/internal/directory"
)

// FuzzOrder hands the function anything as its event. An order is taken exactly if
// it is an object of the members there are, each once and a string, that says who
// gives it; and what is refused is told in one of three sentences, with nothing of
// the event in them.
func FuzzOrder(f *testing.F) {
	f.Fuzz(func(t *testing.T, event []byte) {
		var o order
		err := json.Unmarshal(event, &o)
		if err != nil && !json.Valid(event) {
			return // Lambda's runtime takes JSON alone
		}
		var strict struct {
			Client, Username, Name, Email, By, Reason *string
			Glass                                     *string `json:"break_glass"`
		}
		members := map[string]string{}
		readable := jsonv2.Unmarshal(event, &members) == nil
		for name, into := range map[string]**string{
			"client": &strict.Client, "username": &strict.Username, "name": &strict.Name, "email": &strict.Email,
			"by": &strict.By, "reason": &strict.Reason, "break_glass": &strict.Glass,
		} {
			if value, there := members[name]; there {
				*into = &value
				delete(members, name)
			}
		}
		if readable = readable && len(members) == 0; readable != (err == nil) {
			t.Fatalf("got %+v, %v; want it read: %v", o, err, readable)
		}
		if err != nil {
			if !errors.Is(err, errMalformed) {
				t.Errorf("got %v, want %v", err, errMalformed)
			}
			return
		}
		want := order{
			text(strict.Client), text(strict.Username), text(strict.Name), text(strict.Email), text(strict.By), text(strict.Reason),
			directory.BreakGlass(text(strict.Glass)),
		}
		if o != want {
			t.Errorf("got %+v, want %+v", o, want)
		}
		saysWhoGivesIt(t, o)
	})
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// saysWhoGivesIt checks what becomes of an order that may be given, as the trail
// and the log will have it.
func saysWhoGivesIt(t *testing.T, o order) {
	t.Helper()
	err := o.check()
	if err != nil {
		if !errors.Is(err, errBy) && !errors.Is(err, errReason) {
			t.Errorf("got %v, want one of our own", err)
		}
		return
	}
	p := o.provision(t.Context())
	by, ours := strings.CutPrefix(p.By, "iam:")
	if !ours || strings.TrimSpace(by) != by || by == "" || len(by) > 128 || len(p.Reason) > 500 ||
		strings.ContainsFunc(p.By+p.Reason, unicode.IsControl) {
		t.Errorf("given by %q because of %q", p.By, p.Reason)
	}
}

package directory_test

import (
	"errors"
	"testing"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// attempt tries a password under a name as somebody typed it, as login does.
func (w *world) attempt(t *testing.T, username, password string, maximum int) lockout.Verdict[users.Credential] {
	t.Helper()
	key, err := users.LoginKey(w.client, username)
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := w.gate(maximum).Attempt(t.Context(), lockout.Attempt{Key: key, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

// TestOneAccountHasOneBudgetHoweverItsNameIsSpelled creates a user under one
// spelling and tries wrong passwords under others.
func TestOneAccountHasOneBudgetHoweverItsNameIsSpelled(t *testing.T) {
	tests := []struct {
		name            string
		created, stored string
		spellings       []string // of the same account
		others          []string // that look alike, and are other names
	}{
		{
			"full-width letters are the plain ones", "\uff21\uff4e\uff41", "Ana",
			[]string{"Ana", "\uff21na", "\uff21\uff4e\uff41"}, []string{"ana", "\uff41na", "ANA"},
		},
		{
			"a letter with its mark is one letter", "Jose\u0301", "Jos\u00e9",
			[]string{"Jos\u00e9", "Jose\u0301", "\uff2aos\u00e9"}, []string{"Jose", "jos\u00e9", "Jose\u0300"},
		},
		{
			"another case is another user", "Rui", "Rui",
			[]string{"Rui"}, []string{"rui", "RUI"},
		},
		{
			"a name from right to left keeps its letters", "\u05d3\u05d5\u05d3", "\u05d3\u05d5\u05d3",
			[]string{"\u05d3\u05d5\u05d3"}, []string{"\u202e\u05d3\u05d5\u05d3", "\u05d3\u05d5\u05d3\u200f"},
		},
		{
			"what cannot be seen makes no second name", "eva", "eva",
			[]string{"eva", "\uff45va"}, []string{"eva\u200b", "e\u200dva", "\ufeffeva", "e\u00adva"},
		},
		{
			"an alike letter of another script is another one", "ivo", "ivo",
			[]string{"ivo"}, []string{"iv\u043e", "\u0456vo"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.provision(t)
			user := w.ana()
			user.Username = test.created
			made, err := w.CreateUser(t.Context(), user, anasPassword, byRoot)
			if err != nil || made.Username != test.stored {
				t.Fatalf("got %+q, %v; want %+q", made.Username, err, test.stored)
			}
			w.createsNoOther(t, test.spellings)
			for _, other := range test.others {
				w.attempt(t, other, "wrong", 9)
			}
			if got := w.record(t, test.stored).Failed; got != 0 {
				t.Errorf("%d attempts under other names were counted", got)
			}
			w.spendsOneBudget(t, test.spellings)
		})
	}
}

// createsNoOther checks that each spelling is taken.
func (w *world) createsNoOther(t *testing.T, spellings []string) {
	t.Helper()
	for _, spelling := range spellings {
		user := w.ana()
		user.Username = spelling
		var conflict *lockout.ConflictError
		if _, err := w.CreateUser(t.Context(), user, secondPassword, byRoot); !errors.As(err, &conflict) {
			t.Errorf("%+q: got %v, want a conflict", spelling, err)
		}
	}
}

// spendsOneBudget tries wrong passwords under the spellings in turn, of which
// the fifth locks; then none of them gets in, and creating the user again, under
// whichever, unlocks nothing.
func (w *world) spendsOneBudget(t *testing.T, spellings []string) {
	t.Helper()
	const maximum = 5
	for n := range maximum {
		verdict := w.attempt(t, spellings[n%len(spellings)], "wrong", maximum)
		if wantLock := n == maximum-1; verdict.JustLocked != wantLock || !wantLock && verdict.Remaining != maximum-1-n {
			t.Errorf("attempt %d: got %v with %d remaining", n+1, verdict.Ruling, verdict.Remaining)
		}
	}
	w.createsNoOther(t, spellings)
	for _, spelling := range spellings {
		if got := w.attempt(t, spelling, anasPassword, maximum).Ruling; got != lockout.Locked {
			t.Errorf("%+q after the lock: %v", spelling, got)
		}
	}
}

// TestNamesThatRFC8265RefusesMakeNoUser names the field and the rule, and
// touches nothing: not even the record of the name.
func TestNamesThatRFC8265RefusesMakeNoUser(t *testing.T) {
	for name, username := range map[string]string{
		"a zero-width space":                "ana\u200bsilva",
		"a zero-width joiner out of place":  "ana\u200dsilva",
		"a right-to-left override":          "ana\u202esilva",
		"directions that mix":               "ana\u05d3",
		"a mark that encloses":              "ana\u20dd",
		"a ligature":                        "\ufb01ona",
		"a full-width slash":                "ana\uff0fsilva",
		"the name of the client's own item": "#client",
		"the same, full-width":              "\uff03client",
		"a full-width space":                "ana\u3000silva",
		"a letter of mathematics":           "\U0001d400na",
		"a Hangul filler":                   "ana\u3164",
		"nothing":                           "",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provision(t)
			w.attempt(t, username, "wrong", 1)
			before := len(w.entries(t))
			user := w.ana()
			user.Username = username
			_, err := w.CreateUser(t.Context(), user, anasPassword, byRoot)
			var field *access.FieldError
			if !errors.As(err, &field) || field.Field != "username" || !errors.Is(err, users.ErrInvalidUsername) {
				t.Errorf("got %v, want an error of the username", err)
			}
			if got := w.attempt(t, username, anasPassword, 1).Ruling; got != lockout.Locked {
				t.Errorf("the name is %v afterwards, want %v", got, lockout.Locked)
			}
			if got := len(w.entries(t)); got != before {
				t.Errorf("%d entries were added", got-before)
			}
		})
	}
}

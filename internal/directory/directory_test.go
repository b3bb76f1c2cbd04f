package directory_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// TestEachActIsRecordedAsItWasDone compares the entry of each act, and the user
// who is stored, with what was asked for.
func TestEachActIsRecordedAsItWasDone(t *testing.T) {
	tests := []struct {
		name    string
		act     func(ctx context.Context, w *world) error
		want    audit.Entry
		details audit.Details
	}{
		{"another role", promoteAna, audit.Entry{Action: audit.UserUpdated},
			audit.Details{Role: "Superuser", PreviousRole: "Manager", Changed: []string{"role"}}},
		{"another name", renameAna, audit.Entry{Action: audit.UserUpdated}, audit.Details{Changed: []string{"name"}}},
		{"everything at once", func(ctx context.Context, w *world) error {
			change := access.Change{Role: ptr(access.ITUser), Name: ptr(""), Email: ptr("")}
			_, err := w.UpdateUser(ctx, keyOf(w, "ana.silva"), change, byRoot)
			return err
		}, audit.Entry{Action: audit.UserUpdated},
			audit.Details{Role: "ITUser", PreviousRole: "Manager", Changed: []string{"role", "name", "email"}}},
		{"another password", setPassword(secondPassword), audit.Entry{Action: audit.PasswordSet}, audit.Details{}},
		{"a deletion", deleteAna, audit.Entry{Action: audit.UserDeleted}, audit.Details{Role: "Manager"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			anaIsThere(t, w)
			if err := test.act(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			got := w.entries(t)[0]
			want := audit.Entry{
				Client: "acme", ID: got.ID, At: got.At, Action: test.want.Action, Actor: "acme/root", Username: "ana.silva",
				SourceIP: "192.0.2.1", RequestID: "r1", Reason: "new colleague", Details: test.details,
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("entry: got -, want +:\n%s", diff)
			}
		})
	}
}

func TestCreateUserReturnsAndRecordsTheUserAsStored(t *testing.T) {
	w := newWorld(t)
	w.provision(t)
	made := w.create(t)
	want := w.ana()
	want.CreatedAt = made.CreatedAt
	want.SessionsSince = made.CreatedAt
	if diff := cmp.Diff(made, want); diff != "" || made.CreatedAt.Before(start) {
		t.Errorf("returned at %v: got -, want +:\n%s", made.CreatedAt, diff)
	}
	if diff := cmp.Diff(w.user(t, "ana.silva"), made); diff != "" {
		t.Errorf("stored: got -, want +:\n%s", diff)
	}
	entry := w.entries(t)[0]
	wantEntry := audit.Entry{
		Client: "acme", ID: entry.ID, At: made.CreatedAt, Action: audit.UserCreated, Actor: "acme/root", Username: "ana.silva",
		SourceIP: "192.0.2.1", RequestID: "r1", Reason: "new colleague", Details: audit.Details{Role: "Manager"},
	}
	if diff := cmp.Diff(entry, wantEntry); diff != "" {
		t.Errorf("entry: got -, want +:\n%s", diff)
	}
}

// TestWhatEndsSessions moves the mark of the sessions and signs out, or does
// neither.
func TestWhatEndsSessions(t *testing.T) {
	tests := []struct {
		name string
		act  func(ctx context.Context, w *world) error
		ends bool
	}{
		{"another role", promoteAna, true},
		{"a password", setPassword(secondPassword), true},
		{"the same password again", setPassword(anasPassword), true},
		{"another name", renameAna, false},
		{"the role that is theirs", func(ctx context.Context, w *world) error {
			_, err := w.UpdateUser(ctx, keyOf(w, "ana.silva"), access.Change{Role: ptr(access.Manager)}, byRoot)
			return err
		}, false},
		{"no change at all", func(ctx context.Context, w *world) error {
			_, err := w.UpdateUser(ctx, keyOf(w, "ana.silva"), access.Change{}, byRoot)
			return err
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			anaIsThere(t, w)
			before := w.user(t, "ana.silva").SessionsSince
			if err := test.act(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			if got := w.user(t, "ana.silva").SessionsSince.After(before); got != test.ends {
				t.Errorf("the mark moved: %v, want %v", got, test.ends)
			}
			if got := slices.Contains(w.mint.(*pool).signedOut, "ana.silva"); got != test.ends {
				t.Errorf("signed out: %v, want %v", got, test.ends)
			}
		})
	}
}

// TestTheMarkMovesThoughTheClockDoesNot sets a password by a clock that is an
// hour behind the one that set it last.
func TestTheMarkMovesThoughTheClockDoesNot(t *testing.T) {
	w := newWorld(t)
	anaIsThere(t, w)
	w.Now = func() time.Time { return start.Add(-time.Hour) }
	for range 3 {
		before := w.user(t, "ana.silva").SessionsSince
		if err := setPassword(secondPassword)(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if got, want := w.user(t, "ana.silva").SessionsSince, before.Add(time.Millisecond); !got.Equal(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestAChangeOfNothingIsNotRecorded(t *testing.T) {
	w := newWorld(t)
	anaIsThere(t, w)
	before := w.user(t, "ana.silva")
	change := access.Change{Role: &before.Role, Name: &before.Name, Email: &before.Email}
	after, err := w.UpdateUser(t.Context(), w.key(t, "ana.silva"), change, byRoot)
	if diff := cmp.Diff(after, before); err != nil || diff != "" {
		t.Errorf("%v; got -, want +:\n%s", err, diff)
	}
	if diff := cmp.Diff(w.actions(t), entries(map[audit.Action]int{audit.UserCreated: 1})); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

func TestTheLastSysadminStays(t *testing.T) {
	w := newWorld(t)
	w.provision(t)
	root := w.key(t, "root")
	if err := w.DeleteUser(t.Context(), root, byRoot); !errors.Is(err, access.ErrLastSysadmin) {
		t.Errorf("deleted: %v", err)
	}
	_, err := w.UpdateUser(t.Context(), root, access.Change{Role: ptr(access.Superuser)}, byRoot)
	if !errors.Is(err, access.ErrLastSysadmin) {
		t.Errorf("demoted: %v", err)
	}
	if got := w.user(t, "root").Role; got != access.Sysadmin {
		t.Errorf("they are a %s", got)
	}
	w.agrees(t, "root")
	if diff := cmp.Diff(w.actions(t), entries(nil)); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

// TestASuperuserAdministersNoSysadmin tries everything on a Sysadmin, and on
// somebody who would become one.
func TestASuperuserAdministersNoSysadmin(t *testing.T) {
	tests := []struct {
		name string
		act  func(t *testing.T, w *world) error
	}{
		{"creates one", func(t *testing.T, w *world) error {
			user := w.ana()
			user.Username, user.Role = "eva", access.Sysadmin
			_, err := w.CreateUser(t.Context(), user, anasPassword, superuser())
			return err
		}},
		{"makes a user one", func(t *testing.T, w *world) error {
			_, err := w.UpdateUser(t.Context(), w.key(t, "ana.silva"), access.Change{Role: ptr(access.Sysadmin)}, superuser())
			return err
		}},
		{"changes one", func(t *testing.T, w *world) error {
			_, err := w.UpdateUser(t.Context(), w.key(t, "root"), access.Change{Name: ptr("Nobody")}, superuser())
			return err
		}},
		{"sets one's password", func(t *testing.T, w *world) error {
			return w.SetPassword(t.Context(), w.key(t, "root"), secondPassword, superuser())
		}},
		{"deletes one", func(t *testing.T, w *world) error {
			return w.DeleteUser(t.Context(), w.key(t, "root"), superuser())
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			anaIsThere(t, w)
			before := w.actions(t)
			if err := test.act(t, w); !errors.Is(err, access.ErrForbidden) {
				t.Errorf("got %v, want %v", err, access.ErrForbidden)
			}
			if diff := cmp.Diff(w.actions(t), before); diff != "" {
				t.Errorf("entries: got -, want +:\n%s", diff)
			}
		})
	}
}

func TestWhoMayNotUnlockDeletesNobodyWhoIsLocked(t *testing.T) {
	w := newWorld(t)
	anaIsThere(t, w)
	w.lock(t, "ana.silva")
	before := w.actions(t)
	act := superuser()
	act.KeepsLocks = true
	if err := w.DeleteUser(t.Context(), w.key(t, "ana.silva"), act); !errors.Is(err, access.ErrLocked) {
		t.Errorf("got %v, want %v", err, access.ErrLocked)
	}
	if diff := cmp.Diff(w.actions(t), before); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

func TestASuperuserAdministersTheOthers(t *testing.T) {
	w := newWorld(t)
	w.provision(t)
	if _, err := w.CreateUser(t.Context(), w.ana(), anasPassword, superuser()); err != nil {
		t.Fatal(err)
	}
	key := w.key(t, "ana.silva")
	if _, err := w.UpdateUser(t.Context(), key, access.Change{Role: ptr(access.Superuser)}, superuser()); err != nil {
		t.Error(err)
	}
	if err := w.SetPassword(t.Context(), key, secondPassword, superuser()); err != nil {
		t.Error(err)
	}
	if err := w.DeleteUser(t.Context(), key, superuser()); err != nil {
		t.Error(err)
	}
}

// TestWhatCannotBeIsToldByFieldAndRule refuses before anything is called.
func TestWhatCannotBeIsToldByFieldAndRule(t *testing.T) {
	tests := []struct {
		name     string
		change   func(*access.User)
		password string
		field    string
		says     string
	}{
		{"a username with a slash", func(u *access.User) { u.Username = "a/b" }, anasPassword, "username", "must not contain any of"},
		{"no username", func(u *access.User) { u.Username = "" }, anasPassword, "username", "must not be empty"},
		{"a role that is none", func(u *access.User) { u.Role = "Root" }, anasPassword, "role", "must be Sysadmin, Superuser, Manager or ITUser"},
		{"a role in another case", func(u *access.User) { u.Role = "manager" }, anasPassword, "role", "must be Sysadmin"},
		{"a name of two lines", func(u *access.User) { u.Name = "Ana\nRoot" }, anasPassword, "name", "must be one line"},
		{"a name that turns the line around", func(u *access.User) { u.Name = "Ana\u202e" }, anasPassword, "name", "must be one line"},
		{"a name that is no UTF-8", func(u *access.User) { u.Name = "An\xe9" }, anasPassword, "name", "must be UTF-8"},
		{"a name that is too long", func(u *access.User) { u.Name = strings.Repeat("é", 129) }, anasPassword, "name", "at most 128"},
		{"an email address that is none", func(u *access.User) { u.Email = "ana" }, anasPassword, "email", "must be an email address"},
		{"an email address with a name", func(u *access.User) { u.Email = "Ana <ana@example.com>" }, anasPassword, "email", "without a name"},
		{"an email address that is too long", func(u *access.User) { u.Email = strings.Repeat("r", 250) + "@a.pt" }, anasPassword, "email", "must be an email address"},
		{"a password that is too short", func(*access.User) {}, "a1", "password", "at least 8"},
		{"a password that is the username", func(u *access.User) { u.Username = "abcdefg1" }, "abcdefg1", "password", "must not be the username"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			user := w.ana()
			test.change(&user)
			_, err := w.CreateUser(t.Context(), user, test.password, byRoot)
			wantField(t, err, test.field, test.says)
			if w.calls != 0 {
				t.Errorf("made %d calls, want none", w.calls)
			}
		})
	}
}

func wantField(t *testing.T, err error, field, says string) {
	t.Helper()
	var got *access.FieldError
	if !errors.As(err, &got) || got.Field != field || !strings.Contains(got.Message, says) {
		t.Errorf("got %v, want that %s %s", err, field, says)
	}
}

func TestChangesAreJudgedAsCreationsAre(t *testing.T) {
	w := newWorld(t)
	anaIsThere(t, w)
	key := w.key(t, "ana.silva")
	for field, change := range map[string]access.Change{
		"role": {Role: ptr(access.Role(""))}, "name": {Name: ptr("Ana\x00")}, "email": {Email: ptr("ana")},
	} {
		_, err := w.UpdateUser(t.Context(), key, change, byRoot)
		wantField(t, err, field, "must be")
	}
	wantField(t, w.SetPassword(t.Context(), key, "no-digit-here", byRoot), "password", "must contain a digit")
	if diff := cmp.Diff(w.user(t, "ana.silva").Name, w.ana().Name); diff != "" {
		t.Error(diff)
	}
}

// TestNamesAreStoredInTheirOneSpelling creates and changes a user with names as
// they may be typed.
func TestNamesAreStoredInTheirOneSpelling(t *testing.T) {
	for name, test := range map[string]struct{ typed, want string }{
		"a letter with its mark is one letter":  {"Zoe\u0308", "Zo\u00eb"},
		"blanks around it are none of it":       {"  Zo\u00eb B.\u3000", "Zo\u00eb B."},
		"nothing but blanks is no name":         {" \u00a0 ", ""},
		"a form of width is left as it is":      {"\uff3ao", "\uff3ao"},
		"a name of 128 letters with their mark": {strings.Repeat("e\u0308", 128), strings.Repeat("\u00eb", 128)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provision(t)
			user := w.ana()
			user.Name = test.typed
			made, err := w.CreateUser(t.Context(), user, anasPassword, byRoot)
			if err != nil || made.Name != test.want || w.user(t, "ana.silva").Name != test.want {
				t.Errorf("created: got %+q, %v; want %+q", made.Name, err, test.want)
			}
			key := w.key(t, "ana.silva")
			if _, err := w.UpdateUser(t.Context(), key, access.Change{Name: ptr("Ana")}, byRoot); err != nil {
				t.Fatal(err)
			}
			made, err = w.UpdateUser(t.Context(), key, access.Change{Name: &test.typed, Email: ptr(" ana@example.com ")}, byRoot)
			if err != nil || made.Name != test.want || made.Email != "ana@example.com" {
				t.Errorf("changed: got %+q, %+q, %v; want %+q", made.Name, made.Email, err, test.want)
			}
		})
	}
}

func TestNobodyIsChanged(t *testing.T) {
	for name, act := range map[string]func(ctx context.Context, w *world) error{
		"updated": promoteAna, "given a password": setPassword(secondPassword), "deleted": deleteAna,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			strangersLock(t, w)
			if err := act(t.Context(), w); !errors.Is(err, lockout.ErrNotFound) {
				t.Errorf("got %v, want %v", err, lockout.ErrNotFound)
			}
			if r := w.record(t, "ana.silva"); !r.Locked() || r.ExpiresAt.IsZero() {
				t.Errorf("the lock of an unknown user was touched: %+v", r)
			}
		})
	}
}

func TestNoUserIsMadeForAnUnknownClient(t *testing.T) {
	for _, client := range []string{"other", "a/b", ""} {
		w := newWorld(t)
		w.provision(t)
		user := w.ana()
		user.Client = client
		if _, err := w.CreateUser(t.Context(), user, anasPassword, byRoot); !errors.Is(err, lockout.ErrNotFound) {
			t.Errorf("%q: got %v, want %v", client, err, lockout.ErrNotFound)
		}
	}
}

func TestCreatingAUserWhoExistsNeitherUnlocksNorChangesThem(t *testing.T) {
	w := newWorld(t)
	anaIsLocked(t, w)
	before := w.state(t, nil)
	var conflict *lockout.ConflictError
	if err := createAnaAnew(t.Context(), w); !errors.As(err, &conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if diff := cmp.Diff(w.state(t, nil), before); diff != "" || before.Record != locked {
		t.Errorf("got -, want +:\n%s", diff)
	}
}

// TestASuperuserClearsNothingOfASysadmins has a Superuser create a Manager of a
// Sysadmin's name, on whose record an attempt is left that found nobody. A
// Sysadmin who tries the same clears it.
func TestASuperuserClearsNothingOfASysadmins(t *testing.T) {
	for name, test := range map[string]struct {
		act     access.Act
		cleared bool
	}{"a Superuser": {superuser(), false}, "a Sysadmin": {byRoot, true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			anaIsThere(t, w)
			if err := makeAnaSysadmin(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			w.settle(t, w.charge(t), true)
			_, err := w.CreateUser(t.Context(), w.ana(), secondPassword, test.act)
			var conflict *lockout.ConflictError
			if !errors.As(err, &conflict) {
				t.Errorf("got %v, want a conflict", err)
			}
			if got := w.leftovers(t, "ana.silva") == ""; got != test.cleared {
				t.Errorf("the record is cleared: %v, want %v", got, test.cleared)
			}
		})
	}
}

func TestSettingAPasswordUnlocksNothing(t *testing.T) {
	w := newWorld(t)
	anaIsLocked(t, w)
	if err := setPassword(secondPassword)(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if got := w.state(t, nil); got.Record != locked || got.Password != secondPassword {
		t.Errorf("got %+v", got)
	}
}

// TestAUserMadeAnewInheritsNothing deletes a user who is locked, or has failed,
// and makes another one of the name.
func TestAUserMadeAnewInheritsNothing(t *testing.T) {
	inEveryWorld(t, func(t *testing.T, open func(t *testing.T) *world) {
		for name, maximum := range map[string]int{"a lock": 1, "a count": 5} {
			t.Run(name, func(t *testing.T) {
				w := open(t)
				anaIsThere(t, w)
				was := w.stored(t, "ana.silva")
				w.attempt(t, "ana.silva", "wrong", maximum)
				if err := deleteAna(t.Context(), w); err != nil {
					t.Fatal(err)
				}
				if got := w.state(t, was); got.Role != "" || got.Record != "" || got.Minted != nil {
					t.Errorf("after the deletion: %+v", got)
				}
				if err := createAnaAnew(t.Context(), w); err != nil {
					t.Fatal(err)
				}
				if got := w.attempt(t, "ana.silva", anasPassword, 5); got.Ruling != lockout.Wrong || got.Remaining != 4 {
					t.Errorf("the old password: %v, %d remaining; want the whole budget but one", got.Ruling, got.Remaining)
				}
				if got := w.attempt(t, "ana.silva", secondPassword, 5).Ruling; got != lockout.Welcome {
					t.Errorf("the new password: %v", got)
				}
				w.agrees(t, "ana.silva", was...)
				if is := w.user(t, "ana.silva"); !is.SessionsSince.After(was[0].SessionsSince) {
					t.Errorf("sessions since %v, and before since %v", is.SessionsSince, was[0].SessionsSince)
				}
			})
		}
	})
}

// keyOf is world.key where there is no test.
func keyOf(w *world, username string) lockout.Key {
	key, err := users.UserKey(w.client, username)
	if err != nil {
		panic(err)
	}
	return key
}

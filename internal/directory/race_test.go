package directory_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// rounds is how often each race is run: on the embedded store they cost little.
const rounds = 20

// atOnce does all of it at once, and returns each one's error.
func atOnce(do ...func() error) []error {
	errs := make([]error, len(do))
	begin := make(chan struct{})
	var wait sync.WaitGroup
	for i, one := range do {
		wait.Go(func() {
			<-begin
			errs[i] = one()
		})
	}
	close(begin)
	wait.Wait()
	return errs
}

// TestTwoSysadminsDeletingEachOtherLeaveOne also demotes instead of deleting.
func TestTwoSysadminsDeletingEachOtherLeaveOne(t *testing.T) {
	demote := func(t *testing.T, w *world, username string) error {
		_, err := w.UpdateUser(t.Context(), w.key(t, username), access.Change{Role: ptr(access.Manager)}, byRoot)
		return err
	}
	remove := func(t *testing.T, w *world, username string) error {
		return w.DeleteUser(t.Context(), w.key(t, username), byRoot)
	}
	type act = func(t *testing.T, w *world, username string) error
	tests := []struct {
		name          string
		first, second act
	}{
		{"both are deleted", remove, remove},
		{"both are demoted", demote, demote},
		{"one is deleted and one demoted", remove, demote},
	}
	inEveryWorld(t, func(t *testing.T, open func(t *testing.T) *world) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				w := open(t)
				anaIsThere(t, w)
				if err := makeAnaSysadmin(t.Context(), w); err != nil {
					t.Fatal(err)
				}
				oneIsLeft(t, w, atOnce(
					func() error { return test.first(t, w, "root") },
					func() error { return test.second(t, w, "ana.silva") },
				))
			})
		}
	})
}

// oneIsLeft checks that one of two was refused, and that the client has one
// Sysadmin, with whom the mint agrees.
func oneIsLeft(t *testing.T, w *world, errs []error) {
	t.Helper()
	refused := 0
	for _, err := range errs {
		switch {
		case errors.Is(err, access.ErrLastSysadmin):
			refused++
		case err != nil:
			t.Error(err)
		}
	}
	if refused != 1 {
		t.Errorf("%d were refused, want 1: %v", refused, errs)
	}
	left := 0
	for _, username := range []string{"root", "ana.silva"} {
		for _, user := range w.stored(t, username) {
			if user.Role == access.Sysadmin {
				left++
			}
		}
		w.agrees(t, username)
	}
	if left != 1 {
		t.Errorf("%d Sysadmins are left, want 1", left)
	}
}

// agrees checks that the mint knows the user as they are stored.
func (w *world) agrees(t *testing.T, username string, was ...access.User) {
	t.Helper()
	is := w.stored(t, username)
	for _, user := range is {
		if got := w.mint.roles(t, user); len(got) != 1 || got[0] != user.Role {
			t.Errorf("the mint knows %s as %v, want %v", username, got, user.Role)
		}
	}
	for _, user := range was {
		if got := w.mint.roles(t, user); len(got) > 0 && (len(is) == 0 || !is[0].CreatedAt.Equal(user.CreatedAt)) {
			t.Errorf("the mint knows %s as %v, who was deleted", username, got)
		}
	}
}

// TestTheMintAgreesAfterAnyRace has one user created, deleted and given several
// roles at once.
func TestTheMintAgreesAfterAnyRace(t *testing.T) {
	inEveryWorld(t, func(t *testing.T, open func(t *testing.T) *world) {
		for round := range rounds {
			t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
				w := open(t)
				w.provision(t)
				if round%2 == 0 {
					w.create(t)
				}
				was := w.stored(t, "ana.silva")
				errs := atOnce(
					func() error { return createAna(t.Context(), w) },
					func() error { return createAnaAnew(t.Context(), w) },
					func() error { return deleteAna(t.Context(), w) },
					func() error { return promoteAna(t.Context(), w) },
					func() error { return makeAnaSysadmin(t.Context(), w) },
					func() error { return setPassword(secondPassword)(t.Context(), w) },
				)
				for _, err := range errs {
					var conflict *lockout.ConflictError
					if err != nil && !errors.As(err, &conflict) && !errors.Is(err, lockout.ErrNotFound) && !errors.Is(err, lockout.ErrUnavailable) {
						t.Error(err)
					}
				}
				w.agrees(t, "ana.silva", was...)
			})
		}
	})
}

// superuser is an act of one who administers no Sysadmin.
func superuser() access.Act {
	caller := access.Caller{Client: "acme", Username: "sofia", Role: access.Superuser}
	return access.Act{Actor: caller.String(), May: caller.CheckManage}
}

// TestASuperuserCannotTouchWhoBecomesASysadmin promotes a user between a
// Superuser's question and their write.
func TestASuperuserCannotTouchWhoBecomesASysadmin(t *testing.T) {
	tests := []struct {
		name string
		act  func(t *testing.T, w *world) error
	}{
		{"by another role", func(t *testing.T, w *world) error {
			_, err := w.UpdateUser(t.Context(), w.key(t, "ana.silva"), access.Change{Role: ptr(access.ITUser)}, superuser())
			return err
		}},
		{"by another name", func(t *testing.T, w *world) error {
			_, err := w.UpdateUser(t.Context(), w.key(t, "ana.silva"), access.Change{Name: ptr("Nobody")}, superuser())
			return err
		}},
		{"by a password", func(t *testing.T, w *world) error {
			return w.SetPassword(t.Context(), w.key(t, "ana.silva"), thirdPassword, superuser())
		}},
		{"by a deletion", func(t *testing.T, w *world) error {
			return w.DeleteUser(t.Context(), w.key(t, "ana.silva"), superuser())
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			anaIsThere(t, w)
			w.live(0, false)
			w.before = func(call int) {
				if call != 2 { // the write, after the reading
					return
				}
				w.before = nil
				if err := makeAnaSysadmin(t.Context(), w); err != nil {
					t.Error(err)
				}
			}
			if err := test.act(t, w); !errors.Is(err, access.ErrForbidden) {
				t.Errorf("got %v, want %v", err, access.ErrForbidden)
			}
			got := w.state(t, nil)
			if got.Role != access.Sysadmin || got.Password != anasPassword || w.user(t, "ana.silva").Name != "Ana Silva" {
				t.Errorf("the Sysadmin is %+v", got)
			}
		})
	}
}

// TestLosingTheRaceForANameLeavesTheWinner creates a user between another's
// check and their write, and locks them: neither is undone by the loser.
func TestLosingTheRaceForANameLeavesTheWinner(t *testing.T) {
	whole := newWorld(t)
	strangersLock(t, whole)
	whole.live(0, false)
	whole.create(t)
	for n := 1; n <= whole.calls; n++ {
		t.Run(fmt.Sprintf("before call %d", n), func(t *testing.T) {
			w := newWorld(t)
			strangersLock(t, w)
			w.live(0, false)
			w.before = func(call int) {
				if call != n || len(w.stored(t, "ana.silva")) > 0 {
					return
				}
				w.before = nil
				if err := createAnaAnew(t.Context(), w); err != nil {
					t.Error(err)
				}
				w.lock(t, "ana.silva")
			}
			err := createAna(t.Context(), w)
			if w.before != nil { // the loser had won by then
				if err != nil {
					t.Error(err)
				}
				return
			}
			var conflict *lockout.ConflictError
			if !errors.As(err, &conflict) {
				t.Errorf("got %v, want a conflict", err)
			}
			got := w.state(t, nil)
			if got.Role != access.Superuser || got.Password != secondPassword || got.Record != locked {
				t.Errorf("the winner is left as %+v", got)
			}
			w.agrees(t, "ana.silva")
		})
	}
}

package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/directory"
	"portcullis/internal/lockout"
)

// An interruption is an act whose process ends at some call, and what is done
// next, by a process that lives.
type interruption struct {
	name    string
	prepare func(t *testing.T, w *world)
	act     func(ctx context.Context, w *world) error
	// made reports whether the act took effect.
	made func(before, after state) bool
	next func(ctx context.Context, w *world) error
	// refused is the error of the next act if the first one took effect or, with
	// refusedUnlessMade, if it did not.
	refused           error
	refusedUnlessMade bool
	want              func(made bool) state
}

func createAna(ctx context.Context, w *world) error {
	_, err := w.CreateUser(ctx, w.ana(), anasPassword, byRoot)
	return err
}

func createAnaAnew(ctx context.Context, w *world) error {
	again := w.ana()
	again.Role = access.Superuser
	_, err := w.CreateUser(ctx, again, secondPassword, byRoot)
	return err
}

func promoteAna(ctx context.Context, w *world) error {
	_, err := w.UpdateUser(ctx, keyOf(w, "ana.silva"), access.Change{Role: ptr(access.Superuser)}, byRoot)
	return err
}

func makeAnaSysadmin(ctx context.Context, w *world) error {
	_, err := w.UpdateUser(ctx, keyOf(w, "ana.silva"), access.Change{Role: ptr(access.Sysadmin)}, byRoot)
	return err
}

func renameAna(ctx context.Context, w *world) error {
	_, err := w.UpdateUser(ctx, keyOf(w, "ana.silva"), access.Change{Name: ptr("Ana Reis")}, byRoot)
	return err
}

func setPassword(password string) func(ctx context.Context, w *world) error {
	return func(ctx context.Context, w *world) error {
		return w.SetPassword(ctx, keyOf(w, "ana.silva"), password, byRoot)
	}
}

// provisionAna makes the client with ana for its first Sysadmin.
func provisionAna(ctx context.Context, w *world) error {
	p := w.acme()
	p.Username, p.Password = "ana.silva", anasPassword
	_, err := w.Provision(ctx, p)
	return err
}

// rescueAna breaks the glass for ana.
func rescueAna(to directory.BreakGlass) func(ctx context.Context, w *world) error {
	return func(ctx context.Context, w *world) error {
		p := w.rescue("ana.silva", to)
		p.Password = anasPassword
		_, err := w.Provision(ctx, p)
		return err
	}
}

func deleteAna(ctx context.Context, w *world) error {
	return w.DeleteUser(ctx, keyOf(w, "ana.silva"), byRoot)
}

// existed and vanished, promoted and changed are how an act shows.
func existed(_, after state) bool       { return after.Role != "" }
func vanished(_, after state) bool      { return after.Role == "" }
func promoted(before, after state) bool { return before.Role != after.Role }
func changed(before, after state) bool  { return before.Password != after.Password }
func freed(before, after state) bool    { return before.Record != "" && after.Record == "" }

// strangersLock leaves ana's name locked while it is nobody's.
func strangersLock(t *testing.T, w *world) {
	w.provision(t)
	w.lock(t, "ana.silva")
}

func anaIsThere(t *testing.T, w *world) {
	w.provision(t)
	w.create(t)
}

// anaIsLocked is ana, with a lock of her own.
func anaIsLocked(t *testing.T, w *world) {
	anaIsThere(t, w)
	w.lock(t, "ana.silva")
}

// aSysadminIsLocked is ana, who is the client's other Sysadmin.
func aSysadminIsLocked(t *testing.T, w *world) {
	anaIsThere(t, w)
	if err := makeAnaSysadmin(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	w.lock(t, "ana.silva")
}

// entries are those of a client with a Sysadmin, and others.
func entries(others map[audit.Action]int) map[audit.Action]int {
	all := map[audit.Action]int{audit.ClientCreated: 1, audit.UserCreated: 1}
	for action, n := range others {
		if all[action] += n; all[action] == 0 {
			delete(all, action)
		}
	}
	return all
}

func count(made bool) int {
	if made {
		return 1
	}
	return 0
}

var (
	asManager   = []access.Role{access.Manager}
	asSuperuser = []access.Role{access.Superuser}
	asSysadmin  = []access.Role{access.Sysadmin}
)

var interruptions = []interruption{
	{
		name: "a creation is run again", prepare: strangersLock,
		act: createAna, made: existed, next: createAna, refused: &lockout.ConflictError{},
		want: func(bool) state {
			return state{access.Manager, anasPassword, asManager, "",
				entries(map[audit.Action]int{audit.UserCreated: 1, audit.Lock: 1, audit.Unlock: 1})}
		},
	},
	{
		name: "a creation is followed by another role", prepare: anaIsNobody,
		act: createAna, made: existed, next: promoteAna, refused: lockout.ErrNotFound, refusedUnlessMade: true,
		want: func(made bool) state {
			if !made {
				return state{Actions: entries(nil)}
			}
			return state{access.Superuser, anasPassword, asSuperuser, "",
				entries(map[audit.Action]int{audit.UserCreated: 1, audit.UserUpdated: 1})}
		},
	},
	{
		name: "a creation is followed by a deletion", prepare: anaIsNobody,
		act: createAna, made: existed, next: deleteAna, refused: lockout.ErrNotFound, refusedUnlessMade: true,
		want: func(made bool) state {
			return state{Actions: entries(map[audit.Action]int{audit.UserCreated: count(made), audit.UserDeleted: count(made)})}
		},
	},
	{
		name: "a change of role is run again", prepare: anaIsThere,
		act: promoteAna, made: promoted, next: promoteAna,
		want: func(bool) state {
			return state{access.Superuser, anasPassword, asSuperuser, "",
				entries(map[audit.Action]int{audit.UserCreated: 1, audit.UserUpdated: 1})}
		},
	},
	{
		name: "a promotion to Sysadmin is run again", prepare: anaIsThere,
		act: makeAnaSysadmin, made: promoted, next: makeAnaSysadmin,
		want: func(bool) state {
			return state{access.Sysadmin, anasPassword, asSysadmin, "",
				entries(map[audit.Action]int{audit.UserCreated: 1, audit.UserUpdated: 1})}
		},
	},
	{
		name: "a change of role is followed by one of the name", prepare: anaIsThere,
		act: promoteAna, made: promoted, next: renameAna,
		want: func(made bool) state {
			s := state{access.Manager, anasPassword, asManager, "",
				entries(map[audit.Action]int{audit.UserCreated: 1, audit.UserUpdated: 1 + count(made)})}
			if made {
				s.Role, s.Minted = access.Superuser, asSuperuser
			}
			return s
		},
	},
	{
		name: "a change of role is followed by a password", prepare: anaIsThere,
		act: promoteAna, made: promoted, next: setPassword(secondPassword),
		want: func(made bool) state {
			s := state{access.Manager, secondPassword, asManager, "",
				entries(map[audit.Action]int{audit.UserCreated: 1, audit.PasswordSet: 1, audit.UserUpdated: count(made)})}
			if made {
				s.Role, s.Minted = access.Superuser, asSuperuser
			}
			return s
		},
	},
	{
		name: "a password is set again, which is another act", prepare: anaIsThere,
		act: setPassword(secondPassword), made: changed, next: setPassword(secondPassword),
		want: func(made bool) state {
			return state{access.Manager, secondPassword, asManager, "",
				entries(map[audit.Action]int{audit.UserCreated: 1, audit.PasswordSet: 1 + count(made)})}
		},
	},
	{
		name: "a deletion is run again", prepare: anaIsLocked,
		act: deleteAna, made: vanished, next: deleteAna, refused: lockout.ErrNotFound,
		want: func(bool) state {
			return state{Actions: entries(map[audit.Action]int{
				audit.UserCreated: 1, audit.UserDeleted: 1, audit.Lock: 1, audit.Unlock: 1,
			})}
		},
	},
	{
		name: "a deletion is followed by a password", prepare: anaIsThere,
		act: deleteAna, made: vanished, next: setPassword(secondPassword), refused: lockout.ErrNotFound,
		want: func(made bool) state {
			if made {
				return state{Actions: entries(map[audit.Action]int{audit.UserCreated: 1, audit.UserDeleted: 1})}
			}
			return state{access.Manager, secondPassword, asManager, "",
				entries(map[audit.Action]int{audit.UserCreated: 1, audit.PasswordSet: 1})}
		},
	},
	{
		name: "a deletion is followed by a creation under the name", prepare: anaIsLocked,
		act: deleteAna, made: vanished, next: createAnaAnew, refused: &lockout.ConflictError{}, refusedUnlessMade: true,
		want: func(made bool) state {
			if made {
				return state{access.Superuser, secondPassword, asSuperuser, "", entries(map[audit.Action]int{
					audit.UserCreated: 2, audit.UserDeleted: 1, audit.Lock: 1, audit.Unlock: 1,
				})}
			}
			return state{access.Manager, anasPassword, asManager, locked, entries(map[audit.Action]int{
				audit.UserCreated: 1, audit.Lock: 1,
			})}
		},
	},
	{
		name: "a provisioning is run again", prepare: func(t *testing.T, w *world) { w.lock(t, "ana.silva") },
		act: provisionAna, made: existed, next: provisionAna,
		want: func(bool) state {
			return state{access.Sysadmin, anasPassword, asSysadmin, "",
				entries(map[audit.Action]int{audit.Lock: 1, audit.Unlock: 1})}
		},
	},
	{
		name: "a Sysadmin made by breaking the glass is made again", prepare: strangersLock,
		act: rescueAna(directory.BreakToCreate), made: existed, next: rescueAna(directory.BreakToCreate), refused: directory.ErrTaken,
		want: func(bool) state {
			return state{access.Sysadmin, anasPassword, asSysadmin, "",
				entries(map[audit.Action]int{audit.UserCreated: 1, audit.Lock: 1, audit.Unlock: 1})}
		},
	},
	{
		name: "an unlock by breaking the glass is made again", prepare: aSysadminIsLocked,
		act: rescueAna(directory.BreakToUnlock), made: freed, next: rescueAna(directory.BreakToUnlock),
		want: func(bool) state {
			return state{access.Sysadmin, anasPassword, asSysadmin, "",
				entries(map[audit.Action]int{audit.UserCreated: 1, audit.UserUpdated: 1, audit.Lock: 1, audit.Unlock: 1})}
		},
	},
}

func anaIsNobody(t *testing.T, w *world) { w.provision(t) }

// TestWhatIsInterruptedIsRepairedByTheNextCall ends the process before and after
// each of its calls, and has the next act done by another one. In between,
// nobody gets tokens of a role that is not theirs.
func TestWhatIsInterruptedIsRepairedByTheNextCall(t *testing.T) {
	inEveryWorld(t, func(t *testing.T, open func(t *testing.T) *world) {
		for _, i := range interruptions {
			t.Run(i.name, func(t *testing.T) { i.run(t, open) })
		}
	})
}

// run interrupts the act at every call it makes.
func (i interruption) run(t *testing.T, open func(t *testing.T) *world) {
	for call := 1; ; call++ {
		reached := true
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("at call %d, which takes effect: %v", call, after), func(t *testing.T) {
				reached = i.at(t, open(t), call, after)
			})
		}
		if !reached {
			return
		}
	}
}

// at interrupts the act at one call, and reports whether it makes that call.
func (i interruption) at(t *testing.T, w *world, call int, after bool) bool {
	i.prepare(t, w)
	before, was := w.state(t, nil), w.stored(t, "ana.silva")
	w.live(call, after)
	err := i.act(t.Context(), w)
	interrupted := w.ended()
	w.live(0, false)
	if interrupted != (err != nil) || err != nil && !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("the act, interrupted %v, gave %v", interrupted, err)
	}
	between := w.state(t, nil)
	made := i.made(before, between)
	if len(between.Minted) > 0 && !slices.Equal(between.Minted, []access.Role{between.Role}) {
		t.Errorf("interrupted, the mint gives tokens of %v to a %q", between.Minted, between.Role)
	}
	i.check(t, i.next(t.Context(), w), made)
	if diff := cmp.Diff(w.state(t, was), i.want(made)); diff != "" {
		t.Errorf("it took effect: %v; got -, want +:\n%s", made, diff)
	}
	return interrupted
}

// check compares the answer to the next act with the one that is due.
func (i interruption) check(t *testing.T, err error, made bool) {
	t.Helper()
	var want error
	if made != i.refusedUnlessMade {
		want = i.refused
	}
	var conflict *lockout.ConflictError
	switch {
	case want == nil && err != nil:
		t.Errorf("the next act: %v", err)
	case errors.As(want, &conflict) && !errors.As(err, &conflict), !errors.As(want, &conflict) && !errors.Is(err, want):
		t.Errorf("the next act: got %v, want %v", err, want)
	}
}

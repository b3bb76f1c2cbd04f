package directory_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/directory"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

func TestProvisionCreatesTheClientAndItsFirstSysadmin(t *testing.T) {
	w := newWorld(t)
	got := w.provision(t)
	want := directory.Provisioned{Client: "acme", Username: "root", Created: true, Password: got.Password}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("result: got -, want +:\n%s", diff)
	}
	if err := users.CheckPassword(got.Password, "root"); err != nil || len(got.Password) < 26 {
		t.Errorf("the password has %d characters: %v", len(got.Password), err)
	}
	if ruling := w.attempt(t, "root", got.Password, 5).Ruling; ruling != lockout.Welcome {
		t.Errorf("the password is %v", ruling)
	}
	w.agrees(t, "root")
	if got := w.user(t, "root").Role; got != access.Sysadmin {
		t.Errorf("the user is a %s", got)
	}
	if diff := cmp.Diff(w.actions(t), entries(nil)); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

func TestProvisioningAgainChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.provision(t)
	w.lock(t, "root")
	before := w.user(t, "root")
	again := w.provision(t)
	if diff := cmp.Diff(again, directory.Provisioned{Client: "acme", Username: "root"}); diff != "" {
		t.Errorf("result: got -, want +:\n%s", diff)
	}
	if diff := cmp.Diff(w.user(t, "root"), before); diff != "" || !w.record(t, "root").Locked() {
		t.Errorf("the user was unlocked or changed: got -, want +:\n%s", diff)
	}
	if diff := cmp.Diff(w.actions(t), entries(map[audit.Action]int{audit.Lock: 1})); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

// TestProvisioningAgainEnrolsAnybody: infra/runbook.md does it with every user
// after the secret of the machine passwords was replaced, or the pool.
func TestProvisioningAgainEnrolsAnybody(t *testing.T) {
	w := newWorld(t)
	w.provision(t)
	ana := w.create(t)
	before := w.actions(t)
	if err := w.Tokens.Remove(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	p := w.acme()
	p.Username, p.Name, p.Email = ana.Username, "", ""
	got, err := w.Provision(t.Context(), p)
	if diff := cmp.Diff(got, directory.Provisioned{Client: ana.Client, Username: ana.Username}); err != nil || diff != "" {
		t.Errorf("result: got -, want +:\n%s%v", diff, err)
	}
	w.agrees(t, ana.Username)
	if diff := cmp.Diff(w.user(t, ana.Username), ana); diff != "" {
		t.Errorf("the user was changed: got -, want +:\n%s", diff)
	}
	if diff := cmp.Diff(w.actions(t), before); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

// TestTheOnePasswordIsTold loses the answer to each call in turn, though the
// call takes effect, and provisions again: one of the two runs has told the
// password.
func TestTheOnePasswordIsTold(t *testing.T) {
	whole := newWorld(t)
	whole.provision(t)
	for n := 1; n <= whole.calls; n++ {
		w := newWorld(t)
		w.loses = n
		first, err := w.Provision(t.Context(), w.acme())
		w.loses = 0
		second := w.provision(t)
		if first.Created == second.Created {
			t.Errorf("answer %d is lost: created by both or neither (%v)", n, err)
		}
		password := first.Password + second.Password
		if ruling := w.attempt(t, "root", password, 5).Ruling; ruling != lockout.Welcome {
			t.Errorf("answer %d is lost: the password told is %v", n, ruling)
		}
	}
}

func TestProvisionRefusesBeforeItWrites(t *testing.T) {
	tests := []struct {
		name   string
		change func(*directory.Provision)
		want   error
	}{
		{"a malformed client", func(p *directory.Provision) { p.Client = "Acme" }, users.ErrInvalidClient},
		{"a username with a slash", func(p *directory.Provision) { p.Username = "a/b" }, users.ErrInvalidUsername},
		{"no username", func(p *directory.Provision) { p.Username = "" }, users.ErrInvalidUsername},
		{"a password that is too short", func(p *directory.Provision) { p.Password = "a1" }, users.ErrInvalidPassword},
		{"a name of two lines", func(p *directory.Provision) { p.Name = "Rute\nRoot" }, directory.ErrInvalidPerson},
		{"an email address that is none", func(p *directory.Provision) { p.Email = "rute" }, directory.ErrInvalidPerson},
		{"breaking the glass for no reason", func(p *directory.Provision) { p.BreakGlass = directory.BreakToUnlock }, directory.ErrNoReason},
		{"breaking the glass for blanks", func(p *directory.Provision) { p.BreakGlass, p.Reason = directory.BreakToUnlock, "  " }, directory.ErrNoReason},
		{"breaking the glass for anything else", func(p *directory.Provision) { p.BreakGlass, p.Reason = "true", "ticket 7" }, directory.ErrBreakGlass},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.acme()
			test.change(&p)
			if _, err := w.Provision(t.Context(), p); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if w.calls != 0 {
				t.Errorf("made %d calls, want none", w.calls)
			}
		})
	}
}

// rescue is the order to break the glass for a user.
func (w *world) rescue(username string, to directory.BreakGlass) directory.Provision {
	p := w.acme()
	p.Username, p.BreakGlass, p.By, p.Reason = username, to, "iam:olga", "nobody can get in"
	return p
}

// TestProvisionGivesAClientItsFirstSysadminOnly refuses another one, unless the
// glass is broken.
func TestProvisionGivesAClientItsFirstSysadminOnly(t *testing.T) {
	w := newWorld(t)
	w.provision(t)
	p := w.acme()
	p.Username = "second"
	if _, err := w.Provision(t.Context(), p); !errors.Is(err, directory.ErrHasUsers) {
		t.Errorf("got %v, want %v", err, directory.ErrHasUsers)
	}
	if len(w.stored(t, "second")) > 0 {
		t.Error("the user was created")
	}
	got, err := w.Provision(t.Context(), w.rescue("second", directory.BreakToCreate))
	if err != nil || !got.Created {
		t.Errorf("with the glass broken: got %+v, %v", got, err)
	}
}

// TestBreakingTheGlass does one of two things, and neither in place of the other.
func TestBreakingTheGlass(t *testing.T) {
	const unlock, create = directory.BreakToUnlock, directory.BreakToCreate
	nothing := func(*testing.T, *world) {}
	tests := []struct {
		name     string
		prepare  func(t *testing.T, w *world)
		to       directory.BreakGlass
		username string
		want     directory.Provisioned
		err      error
	}{
		{"lets a locked Sysadmin in again", func(t *testing.T, w *world) { w.lock(t, "root") },
			unlock, "root", directory.Provisioned{Client: "acme", Username: "root", Unlocked: true}, nil},
		{"gives one who has failed the full budget again", func(t *testing.T, w *world) { w.attempt(t, "root", "wrong", 5) },
			unlock, "root", directory.Provisioned{Client: "acme", Username: "root", Unlocked: true}, nil},
		{"does nothing for one who is not locked", nothing,
			unlock, "root", directory.Provisioned{Client: "acme", Username: "root"}, nil},
		{"to unlock makes nobody", nothing,
			unlock, "roott", directory.Provisioned{Client: "acme", Username: "roott"}, lockout.ErrNotFound},
		{"makes a Sysadmin", nothing,
			create, "second", directory.Provisioned{Client: "acme", Username: "second", Created: true}, nil},
		{"makes a Sysadmin of a name that strangers locked", func(t *testing.T, w *world) { w.lock(t, "second") },
			create, "second", directory.Provisioned{Client: "acme", Username: "second", Created: true}, nil},
		{"to create unlocks nobody", func(t *testing.T, w *world) { w.lock(t, "root") },
			create, "root", directory.Provisioned{Client: "acme", Username: "root"}, directory.ErrTaken},
		{"helps nobody who is no Sysadmin", func(t *testing.T, w *world) { w.create(t); w.lock(t, "ana.silva") },
			unlock, "ana.silva", directory.Provisioned{Client: "acme", Username: "ana.silva"}, directory.ErrNotSysadmin},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.provision(t)
			test.prepare(t, w)
			before, failed, there := w.entries(t), w.record(t, test.username).Failed, len(w.stored(t, test.username))
			got, err := w.Provision(t.Context(), w.rescue(test.username, test.to))
			password := got.Password
			got.Password = ""
			if diff := cmp.Diff(got, test.want); diff != "" || !errors.Is(err, test.err) {
				t.Errorf("%v; got -, want +:\n%s", err, diff)
			}
			if test.want.Created && w.attempt(t, test.username, password, 5).Ruling != lockout.Welcome {
				t.Error("the password told is not the user's")
			}
			if test.err == nil {
				failed = 0
			}
			if got := w.record(t, test.username).Failed; got != failed {
				t.Errorf("%d failures are left, want %d", got, failed)
			}
			if made := len(w.stored(t, test.username)) > there; made != test.want.Created {
				t.Errorf("there is a new user: %v", made)
			}
			for _, e := range w.entries(t)[:len(w.entries(t))-len(before)] {
				if !e.Details.BreakGlass || e.Actor != "iam:olga" || e.Action == audit.UserCreated && e.Reason != "nobody can get in" {
					t.Errorf("entry %+v", e)
				}
			}
		})
	}
}

func TestTheGlassOfAnUnknownClientIsNotBroken(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Provision(t.Context(), w.rescue("root", directory.BreakToUnlock)); !errors.Is(err, lockout.ErrNotFound) {
		t.Errorf("got %v, want %v", err, lockout.ErrNotFound)
	}
	if len(w.entries(t)) > 0 || len(w.stored(t, "root")) > 0 {
		t.Error("something was made")
	}
}

// TestALockedSysadminAloneIsLetIn is the way back when a client's one Sysadmin
// is locked, whom the API can neither unlock nor replace.
func TestALockedSysadminAloneIsLetIn(t *testing.T) {
	w := newWorld(t)
	first := w.provision(t)
	w.lock(t, "root")
	if _, err := w.Provision(t.Context(), w.rescue("root", directory.BreakToUnlock)); err != nil {
		t.Fatal(err)
	}
	if got := w.attempt(t, "root", first.Password, 5).Ruling; got != lockout.Welcome {
		t.Errorf("got %v", got)
	}
	entry := w.entries(t)[0]
	if entry.Action != audit.Unlock || !entry.Details.BreakGlass || entry.Reason != "nobody can get in" || entry.Details.LockID == "" {
		t.Errorf("entry %+v", entry)
	}
}

package lockouttest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// TestPropertyOfGate sends logins through a gate on the store, right ones, wrong
// ones and ones that fail by a fault of ours, which overlap as they may; and
// unlocks, while the maximum moves and time passes. What each is told, what is
// stored and what the trail tells must be what a ledger of the logins says. Open
// and percent are those of [TestPropertyOfTransitions].
func TestPropertyOfGate(t *testing.T, open func() AttemptsFixture, percent int) {
	checks, done := share(t, percent), counts{}
	rapid.Check(t, func(t *rapid.T) {
		g := newGateMachine(t, open(), done)
		defer g.hangUp()
		t.Repeat(map[string]func(*rapid.T){
			"":                g.keepsThePromises,
			"login":           func(t *rapid.T) { g.login(t, false) },
			"login, likewise": func(t *rapid.T) { g.login(t, false) },
			"login begins":    func(t *rapid.T) { g.login(t, true) },
			"login ends":      g.loginEnds,
			"unlock":          g.unlock,
			"maximum changes": func(t *rapid.T) { g.maximum = drawMaximum(t) },
			"time passes":     g.timePasses,
			"look":            func(*rapid.T) { g.look() },
		})
		g.look()
	})
	t.Logf("%d sequences, %d logins and unlocks:\n%s", checks, done.sum(), done)
	if done["login: welcome"] == 0 || done["login: locked by it"] == 0 {
		t.Error("nobody was let in or nobody was locked: too little to say anything")
	}
}

// A gateMachine is a gate with a few users before it.
type gateMachine struct {
	t       *rapid.T
	fixture AttemptsFixture
	clock   *Clock
	nextID  func() string
	maximum int
	users   []*ledger
	held    []*heldLogin
	trail   map[string][]act // by client
	logins  int
	done    counts // by what they were told
}

func newGateMachine(t *rapid.T, f AttemptsFixture, done counts) *gateMachine {
	next := IDs()
	here, there := "c"+next()[2:], "c"+next()[2:]
	return &gateMachine{
		t: t, fixture: f, clock: NewClock(walkStart), nextID: next, maximum: 2, trail: map[string][]act{}, done: done,
		users: []*ledger{
			newLedger(lockout.NewKey(here, "ana.silva"), true), newLedger(lockout.NewKey(here, "nobody"), false),
			newLedger(lockout.NewKey(there, "ana.silva"), true),
		},
	}
}

func (g *gateMachine) draw(t *rapid.T) *ledger {
	return g.users[rapid.IntRange(0, len(g.users)-1).Draw(t, "user")]
}

// login sends a login, as far as its comparison if it is to be held.
func (g *gateMachine) login(t *rapid.T, hold bool) {
	u := g.draw(t)
	g.logins++
	h := &heldLogin{
		login: &login{
			agent: fmt.Sprintf("login %d", g.logins), right: rapid.SampledFrom([]bool{false, false, true}).Draw(t, "right"),
			maximum: g.maximum, began: g.clock.Now(),
		},
		user: u, store: &Faulty{Attempts: g.fixture.Attempts},
		password: &heldPassword{known: u.known, reached: make(chan struct{}), result: make(chan compared)},
	}
	fault := drawMishap(t, "the charge")
	fault.happensAt(h.store, 1)
	h.password.unread = drawOurs(t, "reading the credential")
	due, goesIn := u.atTheGate(h, fault)
	told, in := h.begin(t.Context(), g.gate(h))
	if in {
		g.held = append(g.held, h)
	} else {
		g.tell(h, told, due)
	}
	if in != goesIn {
		t.Fatalf("%s: compared: got %v, want %v", h.agent, in, goesIn)
	}
	if in && !hold {
		g.end(t, len(g.held)-1)
	}
}

func (g *gateMachine) gate(h *heldLogin) *lockout.Gate[*heldPassword] {
	return &lockout.Gate[*heldPassword]{
		Attempts: h.store, Credentials: h.password, Maximums: FixedMaximum(h.maximum), Clock: g.clock,
		NewID: g.nextID, Jitter: func() float64 { return 0 }, Lifetime: loginLifetime,
	}
}

// loginEnds lets a login that is held go on.
func (g *gateMachine) loginEnds(t *rapid.T) {
	if len(g.held) == 0 {
		t.Skip("nobody is held")
	}
	g.end(t, rapid.IntRange(0, len(g.held)-1).Draw(t, "login"))
}

func (g *gateMachine) end(t *rapid.T, i int) {
	h := g.held[i]
	g.held = slices.Delete(g.held, i, i+1)
	result := compared{right: h.right, err: drawOurs(t, "comparing")}
	fault := drawMishap(t, "the settlement")
	fault.happensAt(h.store, h.store.Calls()+1)
	due := g.dueAtTheEnd(h, result, fault)
	told := h.end(result)
	g.tell(h, told, due)
	h.user.hear(h.login, told)
}

// dueAtTheEnd returns what a login must be told. Whatever fails, its charge is
// given back, as well as the store allows.
func (g *gateMachine) dueAtTheEnd(h *heldLogin, c compared, m mishap) said {
	u := h.user
	outlived := g.clock.Now().Sub(h.began) >= loginLifetime
	if c.err != nil || outlived {
		if m.fault != FaultBefore {
			u.giveBack(h.login)
		}
		return nothing
	}
	if m.fault == FaultBefore {
		if !m.outage {
			u.giveBack(h.login)
		}
		return nothing
	}
	due := u.settle(h.login)
	if due.JustLocked {
		g.write(u, audit.Lock, h.maximum)
	}
	if m.fault == FaultAfter {
		u.giveBack(h.login)
		return nothing
	}
	return due
}

// tell compares what a login was told with what was due.
func (g *gateMachine) tell(h *heldLogin, told, due said) {
	g.t.Logf("%s of %s: %+v", h.agent, h.user.key, told)
	switch {
	case told.Unavailable:
		g.done["login: nothing"]++
	case told.JustLocked:
		g.done["login: locked by it"]++
	default:
		g.done["login: "+string(told.Ruling)]++
	}
	if diff := gocmp.Diff(told, due); diff != "" {
		g.t.Fatalf("%s was told (-got +want):\n%s", h.agent, diff)
	}
}

// write notes an entry that the trail must have.
func (g *gateMachine) write(u *ledger, action audit.Action, maximum int) {
	client := u.key.Client()
	g.trail[client] = append(g.trail[client], u.act(action, maximum))
}

// unlock unlocks a user, whatever there is, or the lock that is there, or one
// that is not.
func (g *gateMachine) unlock(t *rapid.T) {
	u, fault := g.draw(t), drawMishap(t, "the unlock")
	store := &Faulty{Attempts: g.fixture.Attempts}
	fault.happensAt(store, 2) // the first call reads
	unlocker := &lockout.Unlocker{Attempts: store, Maximums: FixedMaximum(g.maximum), Now: g.clock.Now, NewID: g.nextID}
	lock := rapid.SampledFrom([]string{"", "", "that is there", "another"}).Draw(t, "lock")
	if lock == "that is there" {
		lock = g.record(u).LockID
	}
	due, conflict := lockout.Unlocked{}, lock == "another"
	if !conflict && fault.fault != FaultBefore {
		if fault.fault == "" {
			due = lockout.Unlocked{WasLocked: u.locked, Failed: len(u.failed), At: g.clock.Now()}
		}
		g.write(u, audit.Unlock, g.maximum)
		u.clear()
	}
	got, err := unlocker.Unlock(t.Context(), lockout.UnlockRequest{Key: u.key, LockID: lock, Actor: "acme/root"})
	g.done[fmt.Sprintf("unlock: refused %v", err != nil)]++
	if diff := gocmp.Diff(got, due); diff != "" {
		t.Errorf("unlocked (-got +want):\n%s", diff)
	}
	var current *lockout.ConflictError
	switch {
	case errors.As(err, &current) != conflict:
		t.Errorf("got %v, want a conflict: %v", err, conflict)
	case !conflict && errors.Is(err, lockout.ErrUnavailable) != (fault.fault != ""):
		t.Errorf("got %v, want an outage: %v", err, fault.fault != "")
	}
}

// timePasses lets a moment pass or, in four ways, about as much as an attempt
// lives, or sets the clock back.
func (g *gateMachine) timePasses(t *rapid.T) {
	dead := loginLifetime + lockout.ClockSkew
	g.clock.Advance(rapid.SampledFrom([]time.Duration{
		time.Second, loginLifetime - time.Second, loginLifetime, dead, dead + time.Second,
		-lockout.ClockSkew, -lockout.ClockSkew - time.Second,
	}).Draw(t, "time"))
}

func (g *gateMachine) keepsThePromises(t *rapid.T) {
	for _, u := range g.users {
		if broken := u.broken(); broken != "" {
			t.Fatalf("%s: %s", u.key, broken)
		}
	}
}

func (g *gateMachine) record(u *ledger) lockout.Record {
	record, err := g.fixture.Attempts.Read(g.t.Context(), u.key)
	if err != nil {
		g.t.Fatal(err)
	}
	return record
}

// look compares what is stored, and the trail.
func (g *gateMachine) look() {
	for _, u := range g.users {
		r := g.record(u)
		type stored struct {
			Locked                    bool
			Charged, InFlight, Failed int
		}
		got := stored{r.Locked(), r.Charged, len(r.InFlight), r.Failed}
		want := stored{u.locked, len(u.places) + len(u.failed), len(u.places), len(u.failed)}
		if diff := gocmp.Diff(got, want); diff != "" {
			g.t.Errorf("record of %s (-got +want):\n%s", u.key, diff)
		}
		if expires := !r.ExpiresAt.IsZero(); u.known && expires || !u.known && r.Failed > 0 && !expires {
			g.t.Errorf("record of %s, known %v: expires %v", u.key, u.known, r.ExpiresAt)
		}
		g.compareTrail(u.key.Client())
	}
}

func (g *gateMachine) compareTrail(client string) {
	entries := g.fixture.Entries(g.t, client)
	slices.SortFunc(entries, byID)
	var got []act
	for _, e := range entries {
		got = append(got, actOf(e))
	}
	if diff := gocmp.Diff(got, g.trail[client]); diff != "" {
		g.t.Errorf("trail of %s (-got +want):\n%s", client, diff)
	}
}

// hangUp ends the logins that are held, as a crash would.
func (g *gateMachine) hangUp() {
	for _, h := range g.held {
		mishap{FaultBefore, true}.happensAt(h.store, h.store.Calls()+1)
		h.end(compared{})
	}
}

package lockouttest

import (
	"context"
	"errors"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"portcullis/internal/lockout"
)

// A heldLogin is a login that is on its way through a gate, and stops where its
// password is compared until it is told what comes of that.
type heldLogin struct {
	*login
	user     *ledger
	store    *Faulty
	password *heldPassword
	told     chan said
}

// A heldPassword is the credential of one login.
type heldPassword struct {
	known   bool
	unread  error         // what the read of the credential ends with
	reached chan struct{} // closed when the comparison begins
	result  chan compared // what it ends with
}

// A compared is what comes of a comparison.
type compared struct {
	right bool
	err   error
}

var errOurs = errors.New("a fault of ours")

func (p *heldPassword) Credential(context.Context, lockout.Key) (*heldPassword, error) {
	return p, p.unread
}

func (p *heldPassword) Known() bool { return p.known }

func (p *heldPassword) Compare(context.Context, string) (bool, error) {
	close(p.reached)
	c := <-p.result
	return c.right, c.err
}

// begin sends a login on its way, and returns what it is told if it does not
// come as far as the comparison.
func (h *heldLogin) begin(ctx context.Context, gate *lockout.Gate[*heldPassword]) (told said, in bool) {
	h.told = make(chan said, 1)
	go func() {
		verdict, err := gate.Attempt(ctx, lockout.Attempt{Key: h.user.key, Password: "held", UserAgent: h.agent})
		h.told <- said{verdict.Ruling, verdict.Remaining, verdict.JustLocked, verdict.FailedBefore, err != nil}
	}()
	select {
	case told := <-h.told:
		return told, false
	case <-h.password.reached:
		return said{}, true
	}
}

// end lets a login go on, and returns what it is told.
func (h *heldLogin) end(c compared) said {
	h.password.result <- c
	return <-h.told
}

// A mishap is a fault at one call to the store.
type mishap struct {
	fault  Fault // "" for none
	outage bool  // the calls that follow fail likewise
}

// happensAt makes the nth call of a store fail.
func (m mishap) happensAt(store *Faulty, n int) {
	store.Fault = m.fault
	switch {
	case m.fault == "":
	case m.outage:
		store.FailFrom = int64(n)
	default:
		store.FailAt = int64(n)
	}
}

// drawMishap draws one in five times, so that most logins come to an end.
func drawMishap(t *rapid.T, at string) mishap {
	few := map[string]mishap{
		"before": {FaultBefore, false}, "after": {FaultAfter, false},
		"outage before": {FaultBefore, true}, "outage after": {FaultAfter, true},
	}
	names := append(slices.Repeat([]string{"none"}, 4*len(few)), slices.Sorted(maps.Keys(few))...)
	return few[rapid.SampledFrom(names).Draw(t, "mishap at "+at)]
}

// drawOurs draws a fault of ours one in ten times.
func drawOurs(t *rapid.T, what string) error {
	return rapid.SampledFrom(append(make([]error, 9), errOurs)).Draw(t, what)
}

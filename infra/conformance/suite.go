package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"portcullis/infra/contract"
)

// namePrefix begins the name of every user that a run makes, so that what a run
// leaves behind that was killed can be found.
const namePrefix = "conformance-"

// The maximum that the cases want at least, and the one that is set where it is
// lower: with one or two attempts there is nothing between the first and the
// last.
const (
	leastMaximum = 3
	ownMaximum   = 5
)

// endTime bounds putting everything back.
const endTime = 2 * time.Minute

// A suite is one run against one server.
type suite struct {
	*settings
	wire    *wire
	told    *report
	admin   *session
	foreign *session // of the second client, or nil
	began   time.Time
	run     string      // makes the names of this run
	maximum int         // in force while the cases run beside each other
	found   answer      // the policy as it was
	touched atomic.Bool // the policy is perhaps not as it was

	// othersDone is closed when only the cases are left that wait for it.
	othersDone chan struct{}
	mu         sync.Mutex
	busy       int
	left       []person // who could not be deleted yet
}

// begin looks whether the server can be tried: it is there, the Sysadmin gets in,
// and the policy leaves room.
func begin(ctx context.Context, s *settings, told *report) (*suite, error) {
	c, err := contract.Load()
	if err != nil {
		return nil, err
	}
	u := &suite{
		settings: s, told: told, began: time.Now(), run: namePrefix + strings.ToLower(rand.Text()[:6]) + "-",
		wire: newWire(s, c, told.note), othersDone: make(chan struct{}),
	}
	if u.admin, err = u.enter(ctx, s.root); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnusable, err)
	}
	if s.other.client != "" {
		if u.foreign, err = u.enter(ctx, s.other); err != nil {
			return nil, fmt.Errorf("%w: the second client: %w", errUnusable, err)
		}
	}
	if err := u.readPolicy(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnusable, err)
	}
	told.note("%d cases against %s as %s/%s, whose maximum is %d", told.total, s.url.Redacted(), s.root.client, s.root.username, u.maximum)
	return u, u.makeRoom(ctx)
}

// readPolicy remembers the policy as it is.
func (u *suite) readPolicy(ctx context.Context) error {
	a, err := u.admin.send(ctx, request{method: http.MethodGet, path: u.policyPath()})
	if err != nil {
		return err
	}
	maximum, ok := a.body["max_failed_login_attempts_portal"].(float64)
	if a.status != http.StatusOK || !ok {
		return fmt.Errorf("reading the policy: got %s, want 200: is %s a Sysadmin?", a, u.root.username)
	}
	u.found, u.maximum = a, int(maximum)
	return nil
}

// makeRoom raises a maximum that leaves none.
func (u *suite) makeRoom(ctx context.Context) error {
	if u.maximum >= leastMaximum {
		return nil
	}
	u.told.note("the maximum of %d leaves no room; setting %d for the time of the run", u.maximum, ownMaximum)
	u.touched.Store(true)
	a, err := u.admin.send(ctx, request{method: http.MethodPut, path: u.policyPath(), body: policyBody(ownMaximum)})
	if err != nil || a.status != http.StatusOK {
		return errors.Join(fmt.Errorf("setting the policy: got %s, want 200", a), err, u.end(ctx))
	}
	u.maximum = ownMaximum
	return u.untilInForce(ctx, ownMaximum)
}

// runAll tries the chosen cases: those that may run beside each other, and then
// those that may not.
func (u *suite) runAll(ctx context.Context) {
	together, alone := split(u.chosen())
	u.busy = len(together)
	slots := make(chan struct{}, u.cases)
	var work sync.WaitGroup
	for _, c := range together {
		work.Go(func() {
			if !c.waits() {
				slots <- struct{}{}
				defer func() { <-slots }()
			} else {
				u.oneLess()
			}
			u.tryOne(ctx, c)
			if !c.waits() {
				u.oneLess()
			}
		})
	}
	work.Wait()
	for _, c := range alone {
		u.tryOne(ctx, c)
	}
}

// waits reports whether the case waits for the others, as those about the whole
// run do.
func (c testCase) waits() bool { return strings.HasPrefix(c.name, wholeRun) }

// wholeRun is the group of the cases that look at all that the others did.
const wholeRun = "whole run/"

// oneLess counts the cases that the waiting ones wait for.
func (u *suite) oneLess() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.busy--; u.busy == 0 {
		close(u.othersDone)
	}
}

func split(all []testCase) (together, alone []testCase) {
	for _, c := range all {
		if c.alone {
			alone = append(alone, c)
		} else {
			together = append(together, c)
		}
	}
	return together, alone
}

// tryOne tries one case, tells of it and deletes its users.
func (u *suite) tryOne(ctx context.Context, c testCase) {
	if ctx.Err() != nil {
		return
	}
	t := &trial{suite: u, ctx: ctx}
	r := t.result(c)
	if t.why != "interrupted" {
		u.told.add(r)
	}
	for _, p := range t.people {
		if err := u.remove(context.WithoutCancel(ctx), p); err != nil {
			u.mu.Lock()
			u.left = append(u.left, p)
			u.mu.Unlock()
		}
	}
}

// end puts everything back and tells of the whole run. It does so also after a
// signal.
func (u *suite) end(ctx context.Context) error {
	if ctx.Err() != nil {
		u.told.note("interrupted: deleting the users and putting the policy back")
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	var wrong []error
	for _, p := range slices.Clone(u.left) {
		wrong = append(wrong, u.remove(late, p))
	}
	if u.touched.Load() {
		wrong = append(wrong, u.putPolicyBack(late))
	}
	u.told.summarize(time.Since(u.began), u.wire.requests.Load())
	return errors.Join(wrong...)
}

// putPolicyBack makes the policy what it was.
func (u *suite) putPolicyBack(ctx context.Context) error {
	back := request{method: http.MethodDelete, path: u.policyPath()}
	maximum := int(u.found.body["max_failed_login_attempts_portal"].(float64))
	if u.found.text("source") == "client" {
		back = request{method: http.MethodPut, path: u.policyPath(), body: policyBody(maximum)}
	}
	a, err := u.admin.send(ctx, back)
	if err != nil || a.status != http.StatusOK {
		return errors.Join(fmt.Errorf("the policy of %s could not be put back to %d: got %s", u.root.client, maximum, a), err)
	}
	return nil
}

func (u *suite) policyPath() string { return "/clients/" + u.root.client + "/policy" }

// probes is how many logins at once see whether a policy is in force: more than a
// server on this machine has processes, each of which knows a policy by itself.
const probes = 32

// untilInForce waits until a changed policy is in force. A server on this machine
// is asked; of others it is known when the contract's time is over.
func (u *suite) untilInForce(ctx context.Context, maximum int) error {
	deadline := time.Now().Add(u.settle)
	u.told.note("waiting until the maximum of %d is in force everywhere, at most %v", maximum, u.settle)
	for time.Now().Before(deadline) {
		if u.onThisMachine() && u.seenBy(ctx, maximum) {
			return nil
		}
		if err := sleep(ctx, min(2*time.Second, time.Until(deadline))); err != nil {
			return err
		}
	}
	return nil
}

// seenBy reports whether logins at once all see the maximum. They are of names
// that nobody has.
func (u *suite) seenBy(ctx context.Context, maximum int) bool {
	seen := make([]bool, probes)
	var work sync.WaitGroup
	for i := range probes {
		work.Go(func() {
			nobody := person{client: u.root.client, username: u.run + strings.ToLower(rand.Text()[:10])}
			a, err := u.wire.send(ctx, loginRequest(nobody, wrongPassword()))
			seen[i] = err == nil && (a.remaining() == maximum-1 || maximum == 1 && a.status == http.StatusLocked)
		})
	}
	work.Wait()
	return !slices.Contains(seen, false)
}

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

func countingCases() []testCase {
	return []testCase{
		{name: "counting/the last of the allowed wrong passwords locks, and each before it says how many remain",
			standsFor: of(deviseOffByOne), try: exactlyTheMaximumLocks},
		{name: "counting/the right password does not open a lock", try: rightDoesNotOpen},
		{name: "counting/the right password at the last attempt gets in and clears the count",
			standsFor: of(zitadelCount), try: successClears},
		{name: "counting/a success between wrong passwords gives one budget more and no exemption", try: successGivesOneBudget},
		{name: "counting/another user's success clears nothing", standsFor: of(baeldungReset), try: anothersSuccess},
		{name: "counting/one user's lock keeps nobody else out", standsFor: of(sharedAddress), try: neighboursGetIn},
		{name: "counting/a lock is kept, however often it is tried", standsFor: of(vikunjaLock), try: lockIsKept},
		{name: "counting/attempts at a lock are not counted on", try: refusedAreNotCounted},
		{name: "counting/a flood of other names pushes no count out", standsFor: of(argoFlood), try: floodOfNames},
		{name: "counting/a password that is nearly right is wrong, and counted", try: nearlyRight},
	}
}

func exactlyTheMaximumLocks(t *trial) {
	p := t.manager()
	for left := t.maximum - 1; left >= 1; left-- {
		t.expectWrong(t.guess(p), left, fmt.Sprintf("wrong password %d of %d", t.maximum-left, t.maximum))
	}
	t.expectLocked(t.guess(p), fmt.Sprintf("wrong password %d of %d", t.maximum, t.maximum))
	t.expectLocked(t.guess(p), "the wrong password after it")
	if seen := t.look(p); !seen.Locked || seen.Failed != t.maximum {
		t.wrongly("the Sysadmin sees %d failures, locked: %t; want %d and a lock", seen.Failed, seen.Locked, t.maximum)
	}
}

func rightDoesNotOpen(t *trial) {
	p := t.manager()
	t.lock(p)
	for range 3 {
		t.expectLocked(t.login(p, p.password), "the right password at a lock")
	}
	if !t.look(p).Locked {
		t.wrongly("after it the user is not locked any more")
	}
}

func successClears(t *trial) {
	p := t.manager()
	t.failTimes(p, t.maximum-1)
	t.expectIn(t.login(p, p.password), p, "the right password at the last attempt")
	if seen := t.look(p); seen.Failed != 0 || seen.Locked {
		t.wrongly("after the success the Sysadmin sees %d failures, locked: %t; want none", seen.Failed, seen.Locked)
	}
	t.expectWholeBudget(p, "after the success")
}

func successGivesOneBudget(t *trial) {
	p := t.manager()
	for range 2 {
		t.failTimes(p, t.maximum-1)
		t.expectIn(t.login(p, p.password), p, "the owner's login between guesses")
	}
	for left := t.maximum - 1; left >= 1; left-- {
		t.expectWrong(t.guess(p), left, "after two successes")
	}
	t.expectLocked(t.guess(p), "the last of the budget after two successes")
}

func anothersSuccess(t *trial) {
	p, attacker := t.manager(), t.manager()
	for left := t.maximum - 1; left >= 1; left-- {
		t.expectWrong(t.guess(p), left, "with the attacker's own logins between")
		t.expectIn(t.login(attacker, attacker.password), attacker, "the attacker's own login")
	}
	t.expectLocked(t.guess(p), "the last guess, with the attacker's own logins between")
}

func neighboursGetIn(t *trial) {
	p, neighbour := t.manager(), t.manager()
	t.lock(p)
	t.expectWrong(t.guess(neighbour), t.maximum-1, "another user from the same address")
	t.expectIn(t.login(neighbour, neighbour.password), neighbour, "another user from the same address")
}

func lockIsKept(t *trial) {
	p := t.manager()
	t.lock(p)
	before := t.look(p)
	for i := range 3 * t.maximum {
		password := wrongPassword()
		if i%2 == 0 {
			password = p.password
		}
		t.expectLocked(t.login(p, password), fmt.Sprintf("attempt %d at the lock", i+1))
	}
	if after := t.look(p); !after.Locked || after.LockID != before.LockID || after.LockedAt != before.LockedAt {
		t.wrongly("the lock was %s of %s, and is %s of %s (locked: %t)", before.LockID, before.LockedAt, after.LockID, after.LockedAt, after.Locked)
	}
}

func refusedAreNotCounted(t *trial) {
	p := t.manager()
	t.lock(p)
	for range 3 {
		t.expectLocked(t.guess(p), "a wrong password at a lock")
	}
	if seen := t.look(p); seen.Failed != t.maximum || len(seen.Evidence) != t.maximum {
		t.wrongly("the Sysadmin sees %d failures and %d of them as evidence, want %d of each", seen.Failed, len(seen.Evidence), t.maximum)
	}
}

func floodOfNames(t *trial) {
	counted, locked := t.manager(), t.manager()
	t.failTimes(counted, t.maximum-1)
	t.lock(locked)
	t.eachOf(t.flood, func() { t.guess(t.stranger()) })
	t.expectLocked(t.login(locked, locked.password), fmt.Sprintf("a locked user after %d other names", t.flood))
	t.expectLocked(t.guess(counted), fmt.Sprintf("the last wrong password after %d other names", t.flood))
}

// nearlyRight has a password longer than the 72 bytes that bcrypt looks at.
func nearlyRight(t *trial) {
	p := person{client: t.root.client, username: t.name(), password: "Aa1-" + strings.Repeat("long ", 16) + "end"}
	t.create(t.admin, p, "Manager")
	change := func(s string, i int, to string) string { return s[:i] + to + s[i+1:] }
	last := len(p.password) - 1
	for _, near := range []string{
		change(p.password, last, "D"), p.password + "1", p.password[:last], p.password[:72],
		strings.ToLower(p.password), strings.ToUpper(p.password), " " + p.password, p.password + " ",
	} {
		t.expectWrong(t.login(p, near), t.maximum-1, fmt.Sprintf("%q for %q", near, p.password))
		t.expectIn(t.login(p, p.password), p, "the password itself")
	}
}

// wholeRunCases are those that look at all that the others did. They begin first
// and end last.
func wholeRunCases() []testCase {
	return []testCase{
		{name: wholeRun + "a lock does not end by itself", standsFor: of(vikunjaLock), try: lockDoesNotEnd},
		{name: wholeRun + "every answer that says later says when", try: laterSaysWhen},
	}
}

// othersOver waits until the other cases are over.
func (t *trial) othersOver() {
	select {
	case <-t.othersDone:
	case <-t.ctx.Done():
		runtime.Goexit()
	}
}

// leastWait is how long a lock is left alone when no other case takes longer.
const leastWait = 2 * time.Second

func lockDoesNotEnd(t *trial) {
	p := t.manager()
	t.lock(p)
	since := time.Now()
	before := t.look(p)
	t.othersOver()
	if sleep(t.ctx, leastWait-time.Since(since)) != nil {
		runtime.Goexit()
	}
	when := fmt.Sprintf("after %v", time.Since(since).Round(time.Second))
	if seen := t.look(p); !seen.Locked || seen.LockID != before.LockID || seen.Failed != t.maximum {
		t.wrongly("%s the Sysadmin sees locked: %t, %d failures; want the lock as it was", when, seen.Locked, seen.Failed)
	}
	t.expectLocked(t.login(p, p.password), "the right password "+when)
}

func laterSaysWhen(t *trial) {
	t.othersOver()
	all, silent := t.wire.pauses.all.Load(), t.wire.pauses.silent.Load()
	if silent > 0 {
		t.wrongly("%d of %d answers with 429 or 503 had no Retry-After", silent, all)
	}
	if all == 0 {
		t.cannot("no answer of this run was 429 or 503")
	}
}

// restartTime bounds a restart.
const restartTime = 2 * time.Minute

func lockOutlivesRestart(t *trial) {
	if t.restart == "" {
		t.cannot("-restart names no command that restarts the server")
	}
	locked, counted := t.manager(), t.manager()
	t.lock(locked)
	t.failTimes(counted, t.maximum-1)
	cmd := exec.CommandContext(t.ctx, "sh", "-c", t.restart)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		t.cannot("-restart: %v", err)
	}
	t.untilHealthy()
	t.expectLocked(t.login(locked, locked.password), "the right password at a lock from before the restart")
	t.expectLocked(t.guess(counted), "the last wrong password, of which the others were before the restart")
}

// untilHealthy waits until the server answers again.
func (t *trial) untilHealthy() {
	for deadline := time.Now().Add(restartTime); ; {
		a, err := t.wire.send(t.ctx, request{method: http.MethodGet, path: "/health"})
		if err == nil && a.status == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.stop("the server is not back after %v: %v", restartTime, err)
		}
		if sleep(t.ctx, 200*time.Millisecond) != nil {
			runtime.Goexit()
		}
	}
}

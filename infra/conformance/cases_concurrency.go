package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
)

func concurrencyCases() []testCase {
	return []testCase{
		{name: "concurrency/50 wrong passwords at once are no better than one after another", standsFor: races(),
			try: func(t *trial) { t.wrongBurst(50) }},
		{name: "concurrency/a large burst of wrong passwords is no better either", standsFor: races(),
			try: func(t *trial) { t.wrongBurst(t.suite.burst) }},
		{name: "concurrency/the right password hidden in a burst is found by luck alone", standsFor: races(), try: hiddenGuess},
		{name: "concurrency/each number of remaining attempts is told once", standsFor: of(deviseRace), try: remainingIsTrue},
		{name: "concurrency/20 right passwords at once all get in", standsFor: of(keycloakHonest), try: honestLogins},
		{name: "concurrency/wrong passwords too few to lock do not disturb right ones at the same time",
			standsFor: of(keycloakHonest), try: honestBesideWrong},
		{name: "concurrency/each success in a burst gives at most one budget more", standsFor: of(parseRace), try: successInBurst},
		{name: "concurrency/each unlock in a burst gives one budget more and not two", try: unlockInBurst},
		{name: "concurrency/of two unlocks at once one finds the lock", try: twoUnlocks},
		{name: "concurrency/a burst leaves one entry of the lock in the trail", try: oneLockEntry},
	}
}

// wrongBurst has n guesses at once.
func (t *trial) wrongBurst(n int) {
	p := t.manager()
	counts := tally(t.burst(p, guesses(n)))
	others := n - counts[http.StatusUnauthorized] - counts[http.StatusLocked] - counts[http.StatusTooManyRequests]
	if others != 0 {
		t.wrongly("%d at once: got %v, want 401, 423 and 429 alone", n, counts)
	}
	t.finish(p, counts[http.StatusUnauthorized])
}

// finish makes wrong attempts until the user is locked, and wants that with
// those before, of which some may have had a 429, there were as many wrong
// verdicts as the maximum allows.
func (t *trial) finish(p person, wrong int) {
	for range t.maximum + 1 {
		a := t.guess(p)
		if a.status == http.StatusLocked {
			break
		}
		wrong++
	}
	if wrong != t.maximum-1 {
		t.wrongly("%d passwords were said to be wrong before the lock, want %d", wrong, t.maximum-1)
	}
	if seen := t.look(p); !seen.Locked || seen.Failed != t.maximum || len(seen.Evidence) != t.maximum {
		t.wrongly("the Sysadmin sees locked: %t, %d failures, %d pieces of evidence; want a lock after %d",
			seen.Locked, seen.Failed, len(seen.Evidence), t.maximum)
	}
}

// The rounds of the hidden guess, and how many of them may hit. A burst has
// twelve times as many guesses as may be compared, so that a round hits with a
// probability of 1 in 12 at most; that five of six do happens once in 40,000
// runs. The position of the right password is random, so the order in which the
// server takes the burst does not matter.
const (
	hiddenRounds = 6
	hiddenHits   = 4
	hiddenTimes  = 12
)

func hiddenGuess(t *trial) {
	hits := 0
	for range hiddenRounds {
		p := t.manager()
		passwords := guesses(hiddenTimes * t.maximum)
		passwords[rand.IntN(len(passwords))] = p.password
		if tally(t.burst(p, passwords))[http.StatusOK] > 0 {
			hits++
		}
	}
	if hits > hiddenHits {
		t.wrongly("%d of %d bursts of %d guesses had the right one compared; by luck it is one in %d",
			hits, hiddenRounds, hiddenTimes*t.maximum, hiddenTimes)
	}
}

func remainingIsTrue(t *trial) {
	for range 3 {
		p := t.manager()
		var told []int
		for _, a := range t.burst(p, guesses(2*t.maximum)) {
			if a.status == http.StatusUnauthorized {
				told = append(told, a.remaining())
			}
		}
		slices.Sort(told)
		for i, left := range told {
			if left < 1 || left >= t.maximum || i > 0 && told[i-1] == left {
				t.wrongly("at once they were told that %v remain, want each from 1 to %d at most once", told, t.maximum-1)
			}
		}
	}
}

// honest is how many log in at once.
const honest = 20

func honestLogins(t *trial) {
	p := t.manager()
	t.together(honest, func(int) {
		t.expectIn(t.login(p, p.password), p, fmt.Sprintf("one of %d right passwords at once", honest))
	})
	if seen := t.look(p); seen.Locked || seen.Failed != 0 {
		t.wrongly("after it the Sysadmin sees locked: %t, %d failures; want none", seen.Locked, seen.Failed)
	}
}

func honestBesideWrong(t *trial) {
	p := t.manager()
	t.together(honest+t.maximum-1, func(i int) {
		if i >= honest {
			t.guess(p)
			return
		}
		t.expectIn(t.login(p, p.password), p, fmt.Sprintf("a right password beside %d wrong ones", t.maximum-1))
	})
	if t.look(p).Locked {
		t.wrongly("%d wrong passwords have locked, and %d are allowed", t.maximum-1, t.maximum-1)
	}
}

// successInBurst has right passwords among the wrong ones. Between two successes
// at most the maximum may be compared, so at most so many can be said to be
// wrong.
func successInBurst(t *trial) {
	p := t.manager()
	passwords := guesses(10 * t.maximum)
	passwords[0], passwords[len(passwords)/2] = p.password, p.password
	counts := tally(t.burst(p, passwords))
	if most := t.maximum * (counts[http.StatusOK] + 1); counts[http.StatusUnauthorized] > most {
		t.wrongly("with %d successes, %d passwords were said to be wrong, want %d at most",
			counts[http.StatusOK], counts[http.StatusUnauthorized], most)
	}
}

func unlockInBurst(t *trial) {
	p := t.manager()
	const unlocks = 2
	wrong := 0
	var mu sync.Mutex
	t.together(10*t.maximum+unlocks, func(i int) {
		if i < unlocks {
			t.unlock(p)
			return
		}
		if t.send(loginRequest(p, wrongPassword())).status == http.StatusUnauthorized {
			mu.Lock()
			defer mu.Unlock()
			wrong++
		}
	})
	if most := t.maximum * (unlocks + 1); wrong > most {
		t.wrongly("with %d unlocks, %d passwords were said to be wrong, want %d at most", unlocks, wrong, most)
	}
	t.unlock(p)
	t.expectWholeBudget(p, "after another unlock")
}

func twoUnlocks(t *trial) {
	p := t.manager()
	t.lock(p)
	found := make([]bool, 2)
	t.together(len(found), func(i int) { found[i], _ = t.unlock(p).body["was_locked"].(bool) })
	if found[0] == found[1] {
		t.wrongly("both said was_locked: %t, want one true and one false", found[0])
	}
	t.expectIn(t.login(p, p.password), p, "after both")
}

func oneLockEntry(t *trial) {
	p := t.manager()
	t.burst(p, guesses(6*t.maximum))
	t.finishLock(p)
	if locks := t.entries(p, "authn_login_lock"); len(locks) != 1 {
		t.wrongly("the trail has %d entries of locks, want 1", len(locks))
	}
}

// finishLock locks a user whom a burst may have left short of it.
func (t *trial) finishLock(p person) {
	for range t.maximum {
		if t.guess(p).status == http.StatusLocked {
			return
		}
	}
	t.stop("%d wrong passwords after a burst do not lock", t.maximum)
}

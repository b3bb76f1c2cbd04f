package lockouttest

import (
	"testing"
	"time"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// An AttemptsFixture is a fresh, empty store of attempts for one test.
type AttemptsFixture struct {
	Attempts Attempts
	// Glance is the one that is used beside it.
	Glance lockout.Glance
	// Entries returns the audit entries of a client, in any order.
	Entries func(t TB, client string) []audit.Entry
}

// attemptLifetime is how long the attempts of the suite live.
const attemptLifetime = 10 * time.Second

// TestAttempts is the contract of [lockout.Attempts] and of [Attempts]. Each step that it takes
// is also taken by the transition's own Apply on a record in memory, and the
// store's outcome, record, audit entries and what it reads back must be those.
func TestAttempts(t *testing.T, open func(t *testing.T) AttemptsFixture) {
	for name, cases := range map[string][]attemptsCase{
		"charge": chargeCases(), "fail": failCases(), "lock": lockCases(), "succeed": succeedCases(),
		"refund": refundCases(), "reclaim": reclaimCases(), "unlock": unlockCases(),
	} {
		t.Run(name, func(t *testing.T) { runAttemptsCases(t, open(t), cases) })
	}
	t.Run("a lock and an unlock that are sent twice are one", func(t *testing.T) { testSentTwice(t, open(t)) })
	t.Run("a lock is listed until it is undone", func(t *testing.T) { testLockedList(t, open(t)) })
	t.Run("locked users are listed by name and in pages", func(t *testing.T) { testLockedPages(t, open(t)) })
	t.Run("users do not share a budget", func(t *testing.T) { testSeparateUsers(t, open(t)) })
	t.Run("of 64 charges at once the maximum gets through", func(t *testing.T) { testChargeRace(t, open(t)) })
	t.Run("of the last failures at once one locks", func(t *testing.T) { testLockRace(t, open(t)) })
	t.Run("of 16 unlocks at once one is done", func(t *testing.T) { testUnlockRace(t, open(t)) })
	t.Run("of 1000 wrong guesses at once the maximum is compared", func(t *testing.T) { testGateRace(t, open(t)) })
}

// An attemptsCase leads a user's record somewhere and takes one step more.
type attemptsCase struct {
	name   string
	before []step
	then   step
	want   lockout.Outcome
}

func runAttemptsCases(t *testing.T, f AttemptsFixture, cases []attemptsCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWalk(t, f)
			for _, s := range c.before {
				w.take(s)
			}
			if got := w.take(c.then); got != c.want {
				t.Errorf("got outcome %q, want %q", got, c.want)
			}
		})
	}
}

func chargeCases() []attemptsCase {
	return []attemptsCase{
		{"the first of a user", nil, charge("a", 5), lockout.Applied},
		{"within the maximum", []step{charge("a", 2)}, charge("b", 2), lockout.Applied},
		{"beyond the maximum is busy", []step{charge("a", 2), charge("b", 2)}, charge("c", 2), lockout.RefusedBusy},
		{"failures take places too", []step{charge("a", 2), fail("a", 2), charge("b", 2)}, charge("c", 2), lockout.RefusedBusy},
		{"sent twice counts once", []step{charge("a", 5)}, charge("a", 5), lockout.Repeated},
		{"sent twice with the budget taken is still known", []step{charge("a", 1)}, charge("a", 1), lockout.Repeated},
		{"of a locked user is refused", []step{charge("a", 1), fail("a", 1)}, charge("b", 1), lockout.RefusedLocked},
		{"a higher maximum unlocks nobody", []step{charge("a", 1), fail("a", 1)}, charge("b", 9), lockout.RefusedLocked},
		{"a higher maximum makes room", []step{charge("a", 1)}, charge("b", 2), lockout.Applied},
		{"under a lower maximum one at a time may prove itself",
			[]step{charge("a", 5), fail("a", 5), charge("b", 5), fail("b", 5)}, charge("c", 1), lockout.Applied},
		{"under a lower maximum a second one waits",
			[]step{charge("a", 5), fail("a", 5), charge("b", 5), fail("b", 5), charge("c", 1)}, charge("d", 1), lockout.RefusedBusy},
		{"a refund gives the place back", []step{charge("a", 1), refund("a")}, charge("b", 1), lockout.Applied},
		{"a reclaim gives the place back", []step{charge("a", 1), later, reclaim()}, charge("b", 1), lockout.Applied},
		{"a success gives all places back",
			[]step{charge("a", 2), fail("a", 2), charge("b", 2), succeed("b")}, charge("c", 1), lockout.Applied},
		{"an unlock gives all places back", []step{charge("a", 1), fail("a", 1), unlock()}, charge("b", 1), lockout.Applied},
	}
}

func failCases() []attemptsCase {
	return []attemptsCase{
		{"below the maximum counts", []step{charge("a", 5)}, fail("a", 5), lockout.Applied},
		{"beside others in flight counts once", []step{charge("a", 5), charge("b", 5), charge("c", 5)}, fail("b", 5), lockout.Applied},
		{"keeps the evidence of the earlier ones",
			[]step{charge("a", 5), fail("a", 5), charge("b", 5), fail("b", 5), charge("c", 5)}, fail("c", 5), lockout.Applied},
		{"sent twice counts once", []step{charge("a", 5), fail("a", 5)}, fail("a", 5), lockout.Repeated},
		{"after the lock counts nothing",
			[]step{charge("a", 5), charge("b", 5), fail("a", 1)}, fail("b", 5), lockout.RefusedLocked},
		{"after a success counts nothing",
			[]step{charge("a", 5), charge("b", 5), succeed("a")}, fail("b", 5), lockout.RefusedSuperseded},
		{"after an unlock counts nothing", []step{charge("a", 5), unlock()}, fail("a", 5), lockout.RefusedSuperseded},
		{"after a reclaim counts nothing", []step{charge("a", 5), later, reclaim()}, fail("a", 5), lockout.RefusedReclaimed},
		{"after a reclaim and an unlock is reclaimed all the same",
			[]step{charge("a", 5), later, reclaim(), unlock()}, fail("a", 5), lockout.RefusedReclaimed},
		{"after an unlock and an earlier reclaim counts nothing",
			[]step{charge("a", 5), later, reclaim(), charge("b", 5), unlock()}, fail("b", 5), lockout.RefusedSuperseded},
		{"after a refund counts nothing", []step{charge("a", 5), refund("a")}, fail("a", 5), lockout.RefusedReclaimed},
		{"without a charge counts nothing", []step{charge("a", 5)}, fail("b", 5), lockout.RefusedReclaimed},
		{"of a user nobody tried counts nothing", nil, fail("a", 5), lockout.RefusedReclaimed},
		{"of an unknown user sets when the record expires", []step{charge("a", 5)}, unknown(fail("a", 5)), lockout.Applied},
		{"of a user who is known again lets the record stay",
			[]step{charge("a", 5), unknown(fail("a", 5)), charge("b", 5)}, fail("b", 5), lockout.Applied},
	}
}

func lockCases() []attemptsCase {
	four := []step{
		charge("a", 5), fail("a", 5), charge("b", 5), fail("b", 5), charge("c", 5), fail("c", 5), charge("d", 5), fail("d", 5),
	}
	return []attemptsCase{
		{"at a maximum of one", []step{charge("a", 1)}, fail("a", 1), lockout.Applied},
		{"at the fifth of five", append(four[:8:8], charge("e", 5)), fail("e", 5), lockout.Applied},
		{"with others in flight", []step{charge("a", 2), fail("a", 2), charge("b", 2), charge("c", 3)}, fail("b", 2), lockout.Applied},
		{"at the next failure under a lower maximum", append(four[:8:8], charge("e", 2)), fail("e", 2), lockout.Applied},
		{"not under a maximum that was raised", append(four[:8:8], charge("e", 5)), fail("e", 6), lockout.Applied},
		{"of an unknown user expires", []step{charge("a", 1)}, unknown(fail("a", 1)), lockout.Applied},
		{"when the count grew after the charge",
			[]step{charge("a", 3), charge("b", 3), charge("c", 3), fail("a", 3), fail("b", 3)}, asCharged(fail("c", 3)), lockout.Applied},
		{"when the count grew under a maximum that was lowered then",
			[]step{charge("a", 3), charge("b", 3), fail("b", 3)}, asCharged(fail("a", 1)), lockout.Applied},
		{"when others were charged after it",
			[]step{charge("a", 2), fail("a", 2), charge("b", 2), charge("c", 3)}, asCharged(fail("b", 2)), lockout.Applied},
		{"when nothing is known of the record", []step{charge("a", 2), fail("a", 2), charge("b", 2)}, blind(fail("b", 2)), lockout.Applied},
		{"not twice", []step{charge("a", 2), charge("b", 2), fail("a", 1)}, fail("b", 1), lockout.RefusedLocked},
		{"not after a success",
			[]step{charge("a", 2), fail("a", 2), charge("b", 2), charge("c", 3), succeed("c")}, asCharged(fail("b", 2)), lockout.RefusedSuperseded},
		{"not after a reclaim",
			[]step{charge("a", 1), later, reclaim()}, asCharged(fail("a", 1)), lockout.RefusedReclaimed},
	}
}

func succeedCases() []attemptsCase {
	return []attemptsCase{
		{"begins the next generation", []step{charge("a", 5)}, succeed("a"), lockout.Applied},
		{"forgets failures and others in flight",
			[]step{charge("a", 5), unknown(fail("a", 5)), charge("b", 5), charge("c", 5)}, succeed("b"), lockout.Applied},
		{"in a later generation", []step{charge("a", 5), succeed("a"), charge("b", 5)}, succeed("b"), lockout.Applied},
		{"sent twice ends one generation", []step{charge("a", 5), succeed("a")}, succeed("a"), lockout.RefusedSuperseded},
		{"after another success", []step{charge("a", 5), charge("b", 5), succeed("a")}, succeed("b"), lockout.RefusedSuperseded},
		{"after an unlock", []step{charge("a", 5), unlock()}, succeed("a"), lockout.RefusedSuperseded},
		{"after the lock", []step{charge("a", 2), charge("b", 2), fail("a", 1)}, succeed("b"), lockout.RefusedLocked},
		{"after a reclaim", []step{charge("a", 5), later, reclaim()}, succeed("a"), lockout.RefusedReclaimed},
		{"after a reclaim and a success of somebody else",
			[]step{charge("a", 5), later, reclaim(), charge("b", 5), succeed("b")}, succeed("a"), lockout.RefusedReclaimed},
		{"without a charge", nil, succeed("a"), lockout.RefusedReclaimed},
	}
}

func refundCases() []attemptsCase {
	return []attemptsCase{
		{"of the only charge", []step{charge("a", 5)}, refund("a"), lockout.Applied},
		{"beside others", []step{charge("a", 5), charge("b", 5), fail("a", 5), charge("c", 5)}, refund("c"), lockout.Applied},
		{"of a locked user", []step{charge("a", 2), charge("b", 2), fail("a", 1)}, refund("b"), lockout.Applied},
		{"sent twice gives back once", []step{charge("a", 5), charge("b", 5), refund("a")}, refund("a"), lockout.RefusedReclaimed},
		{"of a settled attempt gives nothing back", []step{charge("a", 5), fail("a", 5)}, refund("a"), lockout.RefusedReclaimed},
		{"of another generation gives nothing back",
			[]step{charge("a", 5), charge("b", 5), succeed("a")}, refund("b"), lockout.RefusedSuperseded},
		{"of a user nobody tried", nil, refund("a"), lockout.RefusedReclaimed},
		{"of an unknown user sets when the record expires", []step{charge("a", 5)}, unknown(refund("a")), lockout.Applied},
		{"of who knows whom leaves when the record expires",
			[]step{charge("a", 5), unknown(fail("a", 5)), charge("b", 5)}, refund("b"), lockout.Applied},
	}
}

func reclaimCases() []attemptsCase {
	return []attemptsCase{
		{"of dead attempts", []step{charge("a", 2), charge("b", 2), later}, reclaim(), lockout.Applied},
		{"keeps the failures", []step{charge("a", 5), fail("a", 5), charge("b", 5), later}, reclaim(), lockout.Applied},
		{"of a locked user", []step{charge("a", 2), charge("b", 2), fail("a", 1), later}, reclaim(), lockout.Applied},
		{"of attempts that may be alive", []step{charge("a", 5)}, reclaim(), lockout.RefusedConflict},
		{"of attempts that die at this very moment", []step{charge("a", 5)}, reclaimAtLifetime(), lockout.RefusedConflict},
		{"of a user nobody tried, before anything can be dead", nil, reclaimAtLifetime(), lockout.RefusedConflict},
		{"of a clock that was set back", []step{charge("a", 5), fail("a", 5), charge("b", 5), setBack(time.Hour)}, reclaim(), lockout.Applied},
		{"of a clock that was set back by a moment", []step{charge("a", 5), setBack(lockout.ClockSkew)}, reclaim(), lockout.RefusedConflict},
		{"with a charge since it was read", []step{charge("a", 5), later, charge("b", 5)}, reclaimFirst("a"), lockout.RefusedConflict},
		{"of another generation", []step{charge("a", 5), later, unlock()}, reclaimFirst("a"), lockout.RefusedSuperseded},
		{"sent twice counts once", []step{charge("a", 5), later, reclaim()}, reclaim(), lockout.RefusedConflict},
		{"with nothing in flight", []step{charge("a", 5), fail("a", 5), later}, reclaim(), lockout.RefusedConflict},
		{"of a user nobody tried", nil, reclaim(), lockout.RefusedConflict},
	}
}

func unlockCases() []attemptsCase {
	locked := []step{charge("a", 2), fail("a", 2), charge("b", 2), fail("b", 2)}
	return []attemptsCase{
		{"of a locked user", locked, unlock(), lockout.Applied},
		{"of a user with failures", []step{charge("a", 5), fail("a", 5)}, unlock(), lockout.Applied},
		{"of a user nobody tried", nil, unlock(), lockout.Applied},
		{"of an unknown user", []step{charge("a", 1), unknown(fail("a", 1))}, unlock(), lockout.Applied},
		{"with attempts in flight", []step{charge("a", 5), charge("b", 5)}, unlock(), lockout.Applied},
		{"again after an unlock", []step{charge("a", 1), fail("a", 1), unlock()}, unlock(), lockout.Applied},
		{"with a failure since it was read", []step{charge("a", 5), look, fail("a", 5)}, unlockSeen(), lockout.RefusedConflict},
		{"with a lock since it was read", []step{charge("a", 1), look, fail("a", 1)}, unlockSeen(), lockout.RefusedConflict},
		{"with a success since it was read", []step{charge("a", 5), look, succeed("a")}, unlockSeen(), lockout.RefusedConflict},
		{"of a lock that is gone", append(locked[:4:4], look, unlock()), unlockSeen(), lockout.RefusedConflict},
		{"of another lock",
			append(locked[:4:4], look, unlock(), charge("c", 1), fail("c", 1)), unlockSeen(), lockout.RefusedConflict},
	}
}

package ledger_test

import (
	"strings"
	"testing"
	"time"

	"portcullis/infra/soak/ledger"
)

// start is when the histories begin; their times are in seconds after it.
var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func second(n float64) time.Time { return start.Add(time.Duration(n * float64(time.Second))) }

// op is an operation of ana from one second to another.
func op(from, to float64, o ledger.Op) ledger.Op {
	o.User, o.Began, o.Ended = "ana", second(from), second(to)
	return o
}

func guess(from, to float64, verdict ledger.Verdict, remaining int) ledger.Op {
	return op(from, to, ledger.Op{Kind: ledger.Attempt, Heard: true, Guess: ledger.Bad, Verdict: verdict, Remaining: remaining})
}

func wrong(from, to float64, remaining int) ledger.Op {
	return guess(from, to, ledger.Wrong, remaining)
}
func locked(from, to float64) ledger.Op { return guess(from, to, ledger.Locked, 0) }
func busy(from, to float64) ledger.Op   { return guess(from, to, ledger.Busy, 0) }

func right(from, to float64, verdict ledger.Verdict) ledger.Op {
	return op(from, to, ledger.Op{Kind: ledger.Attempt, Heard: true, Guess: ledger.Good, Verdict: verdict})
}

func unheard(from, to float64, g ledger.Guess) ledger.Op {
	return op(from, to, ledger.Op{Kind: ledger.Attempt, Guess: g})
}

func unlock(from, to float64, wasLocked bool, failed int) ledger.Op {
	return op(from, to, ledger.Op{Kind: ledger.Unlock, Heard: true, Locked: wasLocked, Failed: failed})
}

func read(from, to float64, isLocked bool, failed int) ledger.Op {
	return op(from, to, ledger.Op{Kind: ledger.Read, Heard: true, Locked: isLocked, Failed: failed})
}

func forget(from, to float64) ledger.Op {
	return op(from, to, ledger.Op{Kind: ledger.Forget, Heard: true})
}

// rules are those of the histories: a maximum of 3, and requests that linger for
// ten seconds.
var rules = ledger.Rules{First: 3, Linger: 10 * time.Second, Stuck: 40 * time.Second}

func check(r ledger.Rules, ops []ledger.Op, settings ...ledger.Setting) ledger.Account {
	l := ledger.New()
	for _, s := range settings {
		l.Set(s)
	}
	for _, o := range ops {
		l.Add(o)
	}
	return l.Check(r, "ana")
}

func times(n int, o ledger.Op) []ledger.Op {
	var all []ledger.Op
	for range n {
		all = append(all, o)
	}
	return all
}

func TestHistoriesThatTheRuleAllows(t *testing.T) {
	for name, h := range map[string][]ledger.Op{
		"nothing":                        nil,
		"the way to the lock and back":   {wrong(0, 1, 2), wrong(2, 3, 1), locked(4, 5), locked(6, 7), right(8, 9, ledger.Locked), unlock(10, 11, true, 3), wrong(12, 13, 2)},
		"a success clears":               {wrong(0, 1, 2), right(2, 3, ledger.Welcome), wrong(4, 5, 2), read(6, 7, false, 1)},
		"a burst":                        append([]ledger.Op{wrong(0, 9, 2), wrong(0, 8, 1), read(10, 11, true, 3)}, times(20, locked(0, 9))...),
		"verdicts that come out of turn": {wrong(0, 5, 1), wrong(0, 6, 2), locked(0, 7)},
		"a wrong verdict of a count that an unlock cleared meanwhile": {
			wrong(0, 1, 2), wrong(2, 6, 3), unlock(3, 4, false, 1), read(7, 8, false, 0)},
		"a success of a count that another cleared, before a failure": {
			right(0, 5, ledger.Welcome), right(1, 2, ledger.Welcome), wrong(3, 4, 2), read(6, 7, false, 1)},
		"a lock under an attempt with the right password": {
			wrong(0, 1, 2), wrong(1, 2, 1), right(2.5, 6, ledger.Locked), locked(3, 4)},
		"an unlock that races a failure, after it":       {wrong(0, 5, 2), unlock(1, 4, false, 1), read(6, 7, false, 0)},
		"an unlock that races a failure, before it":      {wrong(0, 5, 2), unlock(1, 4, false, 0), read(6, 7, false, 1)},
		"an unheard failure that counted":                {unheard(0, 1, ledger.Bad), read(2, 3, false, 1)},
		"an unheard failure that did not":                {unheard(0, 1, ledger.Bad), read(2, 3, false, 0)},
		"an unheard failure that counts late":            {unheard(0, 1, ledger.Bad), read(2, 3, false, 0), read(6, 7, false, 1)},
		"an unheard failure that locks":                  {wrong(0, 1, 2), wrong(2, 3, 1), unheard(4, 5, ledger.Bad), right(6, 7, ledger.Locked)},
		"an unheard success that cleared":                {wrong(0, 1, 2), unheard(2, 3, ledger.Good), wrong(4, 5, 2)},
		"an unheard unlock":                              {wrong(0, 1, 2), op(2, 3, ledger.Op{Kind: ledger.Unlock}), wrong(4, 5, 2)},
		"a password that was being changed":              {op(0, 1, ledger.Op{Kind: ledger.Attempt, Heard: true, Guess: ledger.Unsure, Verdict: ledger.Wrong, Remaining: 2}), read(2, 3, false, 1)},
		"a busy attempt beside another":                  {wrong(0, 5, 2), busy(1, 2)},
		"a busy attempt after an unheard one":            {unheard(0, 1, ledger.Bad), busy(30, 31)},
		"an unheard failure of a server that was killed": {op(0, 1, ledger.Op{Kind: ledger.Attempt, Guess: ledger.Bad, Dead: true}), read(2, 3, false, 0)},
		"a deletion forgets":                             {wrong(0, 1, 2), forget(2, 3), wrong(4, 5, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := check(rules, h); len(got.Differences) > 0 {
				t.Errorf("got %q", got.Differences)
			}
		})
	}
}

func TestHistoriesThatTheRuleForbids(t *testing.T) {
	for name, c := range map[string]struct {
		ops []ledger.Op
		why string
	}{
		"a failure that was not counted":            {[]ledger.Op{wrong(0, 1, 2), wrong(2, 3, 2)}, "no order"},
		"a failure that was counted twice":          {[]ledger.Op{wrong(0, 1, 2), wrong(2, 3, 0)}, "no order"},
		"a count that grew by itself":               {[]ledger.Op{wrong(0, 1, 2), read(2, 3, false, 2)}, "no order"},
		"a count that is lost":                      {[]ledger.Op{wrong(0, 1, 2), read(2, 3, false, 0)}, "no order"},
		"a lock after two failures":                 {[]ledger.Op{wrong(0, 1, 2), locked(2, 3)}, "no order"},
		"a lock that busy attempts made":            {append(times(9, busy(0, 2)), wrong(0, 2, 2), read(3, 4, true, 1)), "no order"},
		"a lock by parallel right logins":           {append(times(9, right(0, 2, ledger.Welcome)), right(0, 2, ledger.Locked)), "no order"},
		"no lock after three failures":              {[]ledger.Op{wrong(0, 1, 2), wrong(2, 3, 1), wrong(4, 5, 1)}, "no order"},
		"four wrong verdicts in a burst":            {[]ledger.Op{wrong(0, 9, 2), wrong(0, 9, 1), wrong(0, 9, 1), locked(0, 9)}, "no order"},
		"a lock that goes by itself":                {[]ledger.Op{wrong(0, 1, 2), wrong(2, 3, 1), locked(4, 5), right(6, 7, ledger.Welcome)}, "no order"},
		"a success that clears nothing":             {[]ledger.Op{wrong(0, 1, 2), right(2, 3, ledger.Welcome), wrong(4, 5, 1)}, "no order"},
		"an unlock that clears nothing":             {[]ledger.Op{wrong(0, 1, 2), unlock(2, 3, false, 1), wrong(4, 5, 1)}, "no order"},
		"an unlock that found another count":        {[]ledger.Op{wrong(0, 1, 2), unlock(2, 3, false, 2)}, "no order"},
		"an unlock that found no lock":              {[]ledger.Op{wrong(0, 1, 2), wrong(1, 2, 1), locked(3, 4), unlock(5, 6, false, 3)}, "no order"},
		"a wrong password that is let in":           {[]ledger.Op{guess(0, 1, ledger.Welcome, 0)}, "let in"},
		"a right password that is called wrong":     {[]ledger.Op{right(0, 1, ledger.Wrong)}, "called wrong"},
		"a busy attempt of nobody else":             {[]ledger.Op{wrong(0, 1, 2), busy(2, 3)}, "nobody else"},
		"a busy attempt long after an unheard one":  {[]ledger.Op{unheard(0, 1, ledger.Bad), busy(50, 51)}, "nobody else"},
		"an unheard failure that counts twice":      {[]ledger.Op{unheard(0, 1, ledger.Bad), read(2, 3, false, 2)}, "no order"},
		"an unheard failure that is forgotten":      {[]ledger.Op{unheard(0, 1, ledger.Bad), read(2, 3, false, 1), read(4, 5, false, 0)}, "no order"},
		"an unheard failure that counts after ages": {[]ledger.Op{unheard(0, 1, ledger.Bad), read(20, 21, false, 0), read(22, 23, false, 1)}, "no order"},
		"a failure that a killed server counts late": {
			[]ledger.Op{op(0, 1, ledger.Op{Kind: ledger.Attempt, Guess: ledger.Bad, Dead: true}), read(2, 3, false, 0), read(4, 5, false, 1)}, "no order"},
		"an unheard right login that counts": {[]ledger.Op{unheard(0, 1, ledger.Good), read(2, 3, false, 1)}, "no order"},
		"a deletion that forgets nothing":    {[]ledger.Op{wrong(0, 1, 2), forget(2, 3), wrong(4, 5, 1)}, "no order"},
		"a wrong verdict that an earlier unlock is no excuse for": {
			[]ledger.Op{wrong(0, 1, 2), unlock(2, 3, false, 1), wrong(4, 5, 2), read(6, 7, false, 0)}, "no order"},
	} {
		t.Run(name, func(t *testing.T) {
			got := check(rules, c.ops)
			if !strings.Contains(strings.Join(got.Differences, "\n"), c.why) {
				t.Errorf("got %q, want %q", got.Differences, c.why)
			}
		})
	}
}

// One wrong answer makes one difference, or its neighbours would hide the others.
func TestADifferenceIsToldOnce(t *testing.T) {
	h := []ledger.Op{wrong(0, 1, 2), read(2, 3, false, 0), wrong(4, 5, 2), wrong(6, 7, 1), locked(8, 9), unlock(10, 11, true, 3), wrong(12, 13, 2)}
	if got := check(rules, h); len(got.Differences) != 1 {
		t.Errorf("got %d: %q", len(got.Differences), got.Differences)
	}
}

func TestTheMaximumIsOneThatMayBeInForce(t *testing.T) {
	to := func(maximum int, from, to float64, heard bool) ledger.Setting {
		return ledger.Setting{Maximum: maximum, Began: second(from), Ended: second(to), Heard: heard}
	}
	slow := rules
	slow.Spread = 60 * time.Second
	fallback := rules
	fallback.Fallback = 7
	for name, c := range map[string]struct {
		rules   ledger.Rules
		setting ledger.Setting
		attempt ledger.Op
		allowed bool
	}{
		"the one before, before":              {rules, to(5, 10, 11, true), wrong(0, 1, 2), true},
		"the one after, before":               {rules, to(5, 10, 11, true), wrong(0, 1, 4), false},
		"the one before, at the change":       {rules, to(5, 10, 12, true), wrong(11, 13, 2), true},
		"the one after, at the change":        {rules, to(5, 10, 12, true), wrong(11, 13, 4), true},
		"the one before, after":               {rules, to(5, 10, 11, true), wrong(12, 13, 2), false},
		"the one after, after":                {rules, to(5, 10, 11, true), wrong(12, 13, 4), true},
		"the one before, while it spreads":    {slow, to(5, 10, 11, true), wrong(30, 31, 2), true},
		"the one before, when it has spread":  {slow, to(5, 10, 11, true), wrong(80, 81, 2), false},
		"the one before an unheard one, late": {slow, to(5, 10, 11, false), wrong(80, 81, 2), true},
		"the unheard one, late":               {slow, to(5, 10, 11, false), wrong(80, 81, 4), true},
		"one that is used when none is known": {fallback, to(5, 10, 11, true), wrong(80, 81, 6), true},
		"neither":                             {rules, to(5, 10, 12, true), wrong(11, 13, 3), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := check(c.rules, []ledger.Op{c.attempt}, c.setting); (len(got.Differences) == 0) != c.allowed {
				t.Errorf("got %q, want allowed %t", got.Differences, c.allowed)
			}
		})
	}
	lowered := []ledger.Op{wrong(0, 1, 2), wrong(1, 2, 1), read(12, 13, false, 2), locked(14, 15), read(16, 17, true, 3)}
	if got := check(rules, lowered, to(1, 10, 11, true)); len(got.Differences) > 0 {
		t.Errorf("a lowered maximum locks with the next failure alone: got %q", got.Differences)
	}
}

func TestAServerThatTriesAgainAnswersByWhatItFindsThen(t *testing.T) {
	again := rules
	again.Retries = true
	for name, h := range map[string][]ledger.Op{
		"a later count":                    {wrong(0, 9, 1), wrong(1, 2, 1), read(10, 11, false, 2)},
		"a lock that another made":         {locked(0, 9), wrong(1, 2, 1), locked(3, 4), read(10, 11, true, 3)},
		"a lock after its success":         {right(0, 9, ledger.Locked), wrong(1, 2, 2), wrong(2, 3, 2), wrong(4, 5, 1), locked(6, 7), read(10, 11, true, 3)},
		"a count that is gone":             {wrong(0, 9, 3), wrong(1, 2, 1), unlock(3, 4, false, 2), read(10, 11, false, 0)},
		"its own lock, which was unlocked": {wrong(0, 1, 2), wrong(1, 2, 1), wrong(3, 9, 3), right(4, 5, ledger.Locked), unlock(6, 7, true, 3)},
	} {
		if got := check(again, h); len(got.Differences) > 0 {
			t.Errorf("%s: got %q", name, got.Differences)
		}
		if got := check(rules, h); len(got.Differences) == 0 {
			t.Errorf("%s: told by a server that never tries again", name)
		}
	}
	for name, h := range map[string][]ledger.Op{
		"a lock that nobody made":                {wrong(0, 1, 2), locked(2, 3), read(4, 5, false, 2)},
		"a lock that was made too late":          {locked(0, 1), wrong(2, 3, 1), locked(4, 5)},
		"a count that was not gone":              {wrong(0, 1, 3), read(2, 3, false, 1)},
		"two counts for one":                     {wrong(0, 1, 2), locked(2, 3), locked(2, 4), read(5, 6, true, 4)},
		"a wrong password that clears":           {wrong(0, 1, 2), wrong(2, 3, 2), read(4, 5, false, 0)},
		"a locked right password that counts":    {right(0, 1, ledger.Locked), read(2, 3, false, 1)},
		"a locked right password without a lock": {wrong(0, 1, 2), right(2, 3, ledger.Locked), read(4, 5, false, 0)},
	} {
		if got := check(again, h); len(got.Differences) == 0 {
			t.Errorf("%s is no difference", name)
		}
	}
}

func TestAnAccountIsExactOrBounded(t *testing.T) {
	for name, c := range map[string]struct {
		ops  []ledger.Op
		want ledger.Account
	}{
		"all heard": {[]ledger.Op{wrong(0, 1, 2), wrong(2, 3, 1)}, ledger.Account{User: "ana", Exact: true, Low: 2, High: 2}},
		"locked twice": {
			[]ledger.Op{wrong(0, 1, 2), wrong(2, 3, 1), locked(4, 5), unlock(6, 7, true, 3), wrong(8, 9, 2), wrong(10, 11, 1), locked(12, 13)},
			ledger.Account{User: "ana", Exact: true, Low: 3, High: 3, LowLocks: 2, HighLocks: 2}},
		"one unheard": {[]ledger.Op{wrong(0, 1, 2), unheard(2, 3, ledger.Bad)}, ledger.Account{User: "ana", Low: 1, High: 2}},
		"one unheard that may have locked": {
			[]ledger.Op{wrong(0, 1, 2), wrong(2, 3, 1), unheard(4, 5, ledger.Bad)}, ledger.Account{User: "ana", Low: 2, High: 3, HighLocks: 1}},
		"one unheard that a later answer tells of": {
			[]ledger.Op{unheard(0, 1, ledger.Bad), wrong(2, 3, 1)}, ledger.Account{User: "ana", Low: 2, High: 2}},
		"a success that was unheard": {[]ledger.Op{wrong(0, 1, 2), unheard(2, 3, ledger.Good)}, ledger.Account{User: "ana", Low: 0, High: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got := check(rules, c.ops)
			if len(got.Differences) > 0 || got.Exact != c.want.Exact || got.Low != c.want.Low || got.High != c.want.High ||
				got.LowLocks != c.want.LowLocks || got.HighLocks != c.want.HighLocks {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// A burst of many that were not heard has more orders than anybody can count, and
// few states.
func TestManyUnheardAtOnceAreFollowed(t *testing.T) {
	h := append(times(40, unheard(0, 1, ledger.Bad)), times(10, unheard(0, 1, ledger.Good))...)
	h = append(h, times(10, locked(0, 2))...)
	if got := check(rules, append(h, read(20, 21, true, 3))); len(got.Differences) > 0 {
		t.Errorf("got %q", got.Differences)
	}
}

func TestTooManyAtOnceAreNotTakenForRight(t *testing.T) {
	if got := check(rules, times(65, busy(0, 1))); len(got.Differences) == 0 {
		t.Error("65 at once were followed")
	}
}

package main

import (
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"portcullis/infra/timing"
	"portcullis/internal/lockout"
)

// timingRounds makes the comparisons longer than `make test` has time for.
var timingRounds = flag.Int("timing-rounds", 18, "`rounds` of each comparison of timings")

const (
	timingBound   = 0.15 // the largest effect of what is alike, as a probability over one half
	timingTries   = 4
	perName       = lockout.DefaultMaximum // logins under one name: the last of them locks
	rightPassword = "right horse 1"
	wrongPassword = "wrong horse 1"
)

// The classes of logins. The first group hashes, the second is refused because of
// a lock, and the third because there is no password.
const (
	known, unknown, noClient    = "known user", "unknown user", "user of no client"
	elsewhere, impossible, long = "user of another client", "name that cannot be", "256 bytes"

	locked, unknownLocked, noClientLocked = "locked", "unknown and locked", "locked in no client"
	lockedRight                           = "locked, right password"

	empty, unknownEmpty, noClientEmpty, lockedEmpty = "empty", "unknown and empty", "empty in no client", "locked and empty"
)

// numbered returns the n-th name of a kind.
func numbered(kind string, n int) string { return fmt.Sprintf("%s.%06d", kind, n) }

// hashing are the classes that are compared, each name until it is locked.
func (s *timed) hashing(t *testing.T, gate timing.Gate) []timing.Class {
	t.Helper()
	for client, kinds := range map[string][]string{demo: {"user", "long"}, "other": {"elsw"}} {
		for _, kind := range kinds {
			var names []string
			for n := range gate.Asked()/perName + 1 {
				names = append(names, numbered(kind, n))
			}
			s.addUsers(t, client, names...)
		}
	}
	class := func(name, client, kind, password string) timing.Class {
		return s.class(name, func(n int) (string, string, string) { return client, numbered(kind, n/perName), password }, func(n int) int {
			if n%perName == perName-1 {
				return http.StatusLocked
			}
			return http.StatusUnauthorized
		})
	}
	return []timing.Class{
		class(known, demo, "user", wrongPassword), class(unknown, demo, "nobd", wrongPassword),
		class(noClient, "none", "user", wrongPassword), class(elsewhere, demo, "elsw", rightPassword),
		class(impossible, demo, "a/%\t", wrongPassword), class(long, demo, "long", strings.Repeat("wrong-1-", 32)),
	}
}

// refusing are the classes that are refused without a hash.
func (s *timed) refusing(t *testing.T, _ timing.Gate) []timing.Class {
	t.Helper()
	s.addUsers(t, demo, "user.locked")
	class := func(name, client, username, password string, want int) timing.Class {
		for n := 0; want == http.StatusLocked && n < perName; n++ {
			if _, err := s.login(client, username, wrongPassword); err != nil {
				t.Fatal(err)
			}
		}
		return s.class(name, func(int) (string, string, string) { return client, username, password }, func(int) int { return want })
	}
	return []timing.Class{
		class(locked, demo, "user.locked", wrongPassword, http.StatusLocked),
		class(unknownLocked, demo, "nobd.locked", wrongPassword, http.StatusLocked),
		class(noClientLocked, "none", "user.locked", wrongPassword, http.StatusLocked),
		class(lockedRight, demo, "user.locked", rightPassword, http.StatusLocked),
		class(empty, demo, "user.000000", "", http.StatusBadRequest),
		class(unknownEmpty, demo, "nobd.000000", "", http.StatusBadRequest),
		class(noClientEmpty, "none", "user.000000", "", http.StatusBadRequest),
		class(lockedEmpty, demo, "user.locked", "", http.StatusBadRequest),
	}
}

// pairsWith pairs one class with each of the others.
func pairsWith(one string, others ...string) []timing.Pair {
	var pairs []timing.Pair
	for _, other := range others {
		pairs = append(pairs, timing.Pair{One: one, Other: other})
	}
	return pairs
}

func gateOf(rounds, repeat int) timing.Gate {
	return timing.Gate{
		Rounds: rounds, Repeat: repeat, Tries: timingTries, Bound: timingBound,
		Rand: mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64())), Now: time.Now,
	}
}

// differing compares, tells of all effects, and returns the classes that can be
// told from the first of their pair.
func differing(t *testing.T, gate timing.Gate, classes []timing.Class, pairs []timing.Pair) []string {
	t.Helper()
	findings, err := gate.Compare(classes, pairs)
	if err != nil {
		t.Fatal(err)
	}
	var unlike []string
	for _, f := range findings {
		t.Logf("%d rounds of %d: %s", gate.Rounds, gate.Repeat, f)
		if !f.Alike {
			unlike = append(unlike, f.Other)
		}
	}
	return unlike
}

// How long a refusal takes must not tell who exists, who is locked, or how long
// a password is.
func TestTimeDoesNotTellWhoExists(t *testing.T) {
	// A refusal is some two hundred times as quick as a hash, so many more are
	// asked.
	s, hashes, refusals := serveTimed(t, nil), gateOf(*timingRounds, 2), gateOf(8**timingRounds, 5)
	for _, group := range []struct {
		gate    timing.Gate
		classes []timing.Class
		pairs   []timing.Pair
	}{
		{hashes, s.hashing(t, hashes), pairsWith(known, unknown, noClient, elsewhere, impossible, long)},
		{refusals, s.refusing(t, refusals), append(pairsWith(locked, unknownLocked, noClientLocked, lockedRight),
			pairsWith(empty, unknownEmpty, noClientEmpty, lockedEmpty)...)},
	} {
		if unlike := differing(t, group.gate, group.classes, group.pairs); len(unlike) > 0 {
			t.Errorf("can be told from the first of their kind by time alone: %q", unlike)
		}
	}
}

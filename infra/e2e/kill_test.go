package e2e_test

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A kill in the middle of a burst may take unsettled attempts with it, and
// nothing else: what an onlooker heard is still there. That the rest of the
// budget comes back after the horizon is shown in package embedded, where the
// clock can be moved.
func TestAKillInABurstLosesNoSettledFailure(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	w := start(t, "-data", dir)
	people := w.people
	ana := w.with(t, "Manager")

	heard := []int{w.login(t, ana, wrong(0)).status} // at least one is settled before the kill
	var burst sync.WaitGroup
	answered := make(chan struct{}, killedBurst)
	burst.Go(func() { heard = append(heard, w.burstTelling(killedBurst, ana, wrong, answered)...) })
	<-answered
	w.kill(t)
	burst.Wait()

	w = start(t, "-data", dir)
	w.people = people
	user := w.user(t, ana)
	counts := tally(heard)
	t.Logf("heard before the kill: %v; found after it: %v failed, locked %v", counts, user["failed_attempts"], user["locked"])
	if counts[0] == 0 || counts[401] == 0 {
		t.Errorf("got %v, want answers both heard and cut off: nothing was tested", counts)
	}
	if failed := int(user["failed_attempts"].(float64)); failed < counts[401] {
		t.Errorf("got %d failures, want at least the %d that were answered", failed, counts[401])
	}
	if counts[423] > 0 && user["locked"] != true {
		t.Error("somebody was told that the user is locked, and the lock is gone")
	}
}

// killedBurst is so large that a kill at its first answer cuts it off.
const killedBurst = 1000

func replaceAll(s string, pairs ...string) string {
	var kept []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] != "" {
			kept = append(kept, pairs[i], pairs[i+1])
		}
	}
	return strings.NewReplacer(kept...).Replace(s)
}

// flipLastByte changes the last character of a signature that carries whole
// bits: the very last one of base64url may hold padding bits alone.
func flipLastByte(token string) string {
	i := len(token) - 2
	other := byte('A')
	if token[i] == other {
		other = 'B'
	}
	return token[:i] + string(other) + token[i+1:]
}

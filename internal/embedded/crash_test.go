package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"portcullis/internal/embedded"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// burstFolder makes the test binary a process that fails logins in the folder
// it names, until it is killed.
const burstFolder = "PORTCULLIS_TEST_BURST_FOLDER"

// The size of a burst, and how much of it is answered before the kill.
const (
	burstUsers   = 100
	burstMaximum = 9
	burstAnswers = 250
)

// burst fails logins of several users in parallel and reports each settled one
// on standard output, in the form "username attempt locked".
func burst(dir string) int {
	s, err := embedded.Open(dir, options(time.Now))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var all sync.WaitGroup
	for i := range burstUsers * burstMaximum {
		all.Go(func() { failOne(s, fmt.Sprintf("user%d", i%burstUsers)) })
	}
	all.Wait()
	select {} // until killed
}

func failOne(s *embedded.Store, name string) {
	key, err := users.UserKey("acme", name)
	id := ulid.Make().String()
	now := time.Now().UTC().Truncate(time.Millisecond)
	if err == nil {
		_, err = s.Attempts.Apply(context.Background(), key, lockout.Charge{AttemptID: id, Maximum: burstMaximum, At: now})
	}
	var settled lockout.Result
	if err == nil {
		settled, err = s.Attempts.Apply(context.Background(), key, lockout.Fail{
			Maximum: burstMaximum, Evidence: lockout.Evidence{AttemptID: id, At: now},
			Lock: lockout.Event{ID: ulid.Make().String(), Kind: lockout.EventLock, At: now, Key: key},
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Printf("%s %s %t\n", name, id, settled.Record.Locked())
}

func TestAKilledProcessLosesNothingItAnswered(t *testing.T) {
	dir := folder(t)
	answers := killedBurst(t, dir)
	s := open(t, dir, time.Now)
	defer closeStore(t, s)
	failed := make(map[string]int)
	for _, answer := range answers {
		var name, id string
		var locked bool
		if _, err := fmt.Sscan(answer, &name, &id, &locked); err != nil {
			continue // the line that the kill cut off
		}
		failed[name]++
		record, err := s.Attempts.Read(context.Background(), userKey(t, name))
		if err != nil || !holds(record, id) || locked && !record.Locked() {
			t.Errorf("answered %q, and the record is %+v, %v", answer, record, err)
		}
	}
	if n := len(answers); n < burstAnswers || n == burstUsers*burstMaximum {
		t.Fatalf("got %d answers before the kill, want %d or more and not all", n, burstAnswers)
	}
	t.Logf("killed after %d answers", len(answers))
	for name, answered := range failed {
		restIsUsable(t, s, userKey(t, name), answered)
	}
}

// killedBurst runs a burst, kills it in the middle, and returns its answers.
func killedBurst(t *testing.T, dir string) []string {
	t.Helper()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), burstFolder+"="+dir)
	process.Stderr = os.Stderr
	dieWithParent(process)
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	var answers []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		answers = append(answers, lines.Text())
		if len(answers) == burstAnswers {
			if err := process.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := process.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the burst ended with %v, want to have been killed", err)
	}
	return answers
}

func holds(r lockout.Record, id string) bool {
	for _, e := range r.Evidence {
		if e.AttemptID == id {
			return true
		}
	}
	return false
}

// restIsUsable checks that what the kill left in flight comes back once it must
// be dead, a minute after the latest charge: the user has exactly as many
// failures left as the record says.
func restIsUsable(t *testing.T, s *embedded.Store, key lockout.Key, answered int) {
	t.Helper()
	record, err := s.Attempts.Read(context.Background(), key)
	if err != nil || record.Failed < answered || record.Failed > burstMaximum {
		t.Fatalf("%v: got %d failures, %v, want %d to %d", key, record.Failed, err, answered, burstMaximum)
	}
	clock := lockouttest.NewClock(time.Now())
	g := gate(s, clock, func() string { return ulid.Make().String() })
	g.Maximums = lockouttest.FixedMaximum(burstMaximum)
	for left := burstMaximum - record.Failed; left > 1; left-- {
		clock.Advance(time.Minute)
		if got := attempt(t, g, key, "wrong"); got.Ruling != lockout.Wrong || got.Remaining != left-1 {
			t.Fatalf("%v: got %+v, want wrong with %d left", key, got, left-1)
		}
	}
	clock.Advance(time.Minute)
	if got := attempt(t, g, key, "wrong"); got.Ruling != lockout.Locked {
		t.Errorf("%v: got %v after the last failure, want locked", key, got.Ruling)
	}
}

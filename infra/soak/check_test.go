package main

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"portcullis/infra/child"
	"portcullis/infra/soak/ledger"
)

// trailOf checks a history of ana's with a maximum of 2 against entries of the
// trail, each written as the request it is of.
func trailOf(ops []ledger.Op, locks, unlocks []string) []string {
	book := ledger.New()
	start := time.Now()
	for i, o := range ops {
		o.User, o.Began, o.Ended = "ana", start.Add(time.Duration(2*i)*time.Second), start.Add(time.Duration(2*i+1)*time.Second)
		book.Add(o)
	}
	account := book.Check(ledger.Rules{First: 2, Linger: time.Second}, "ana")
	return append(account.Differences, matchTrail(book, []ledger.Account{account}, entriesOf(locks), entriesOf(unlocks))...)
}

func entriesOf(requests []string) []entry {
	var all []entry
	for _, id := range requests {
		user, request, _ := strings.Cut(id, "/")
		all = append(all, entry{Username: user, RequestID: request})
	}
	return all
}

func TestTheTrailMatchesTheVerdicts(t *testing.T) {
	guess := func(id string, verdict ledger.Verdict, remaining int) ledger.Op {
		return ledger.Op{Kind: ledger.Attempt, Heard: verdict != ledger.Unheard, Guess: ledger.Bad, Verdict: verdict, Remaining: remaining, RequestID: id}
	}
	wrong, lock, lost := guess("1", ledger.Wrong, 1), guess("2", ledger.Locked, 0), guess("", ledger.Unheard, 0)
	refused := guess("3", ledger.Locked, 0)
	unlock := ledger.Op{Kind: ledger.Unlock, Heard: true, Locked: true, Failed: 2, RequestID: "4"}
	lostUnlock := ledger.Op{Kind: ledger.Unlock}
	way := []ledger.Op{wrong, lock, refused, unlock}
	for name, c := range map[string]struct {
		ops            []ledger.Op
		locks, unlocks []string
		want           string // in a difference; "" for none
	}{
		"a lock and an unlock":                  {way, []string{"ana/2"}, []string{"ana/4"}, ""},
		"a lock that is under a refusal's id":   {way, []string{"ana/3"}, []string{"ana/4"}, ""}, // who of the two locked is not known
		"no lock":                               {way, nil, []string{"ana/4"}, "the trail has 0"},
		"two locks":                             {way, []string{"ana/2", "ana/3"}, []string{"ana/4"}, "the trail has 2"},
		"a lock of another request":             {way, []string{"ana/1"}, []string{"ana/4"}, "told nothing of it"},
		"no unlock":                             {way, []string{"ana/2"}, nil, "does not say so"},
		"one unlock twice":                      {way, []string{"ana/2"}, []string{"ana/4", "ana/4"}, "told nothing of it"},
		"an unlock that nobody made":            {way, []string{"ana/2"}, []string{"ana/4", "ana/9"}, "told nothing of it"},
		"a lock of somebody else":               {way, []string{"ana/2", "ben/8"}, []string{"ana/4"}, "of whom nothing is known"},
		"an unlock of somebody else":            {way, []string{"ana/2"}, []string{"ana/4", "ben/8"}, "of whom nothing is known"},
		"a lock whose answer was lost":          {[]ledger.Op{wrong, lost}, []string{"ana/7"}, nil, ""},
		"no lock, though an answer was lost":    {[]ledger.Op{wrong, lost}, nil, nil, ""},
		"two locks of one answer that was lost": {[]ledger.Op{wrong, lost}, []string{"ana/7", "ana/8"}, nil, "the trail has 2"},
		"an unlock whose answer was lost":       {[]ledger.Op{wrong, lock, lostUnlock}, []string{"ana/2"}, []string{"ana/7"}, ""},
		"two unlocks of one that was lost":      {[]ledger.Op{wrong, lock, lostUnlock}, []string{"ana/2"}, []string{"ana/7", "ana/8"}, "told nothing of it"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(trailOf(c.ops, c.locks, c.unlocks), "\n")
			if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func series(n int, at func(i int) int) []int {
	var all []int
	for i := range n {
		all = append(all, at(i))
	}
	return all
}

func TestGrowthIsNotFlat(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		memory, files func(i int) int
		n             int
		flat          bool
	}{
		"the same":                    {func(int) int { return 90 * mib }, func(int) int { return 40 }, 90, true},
		"up and down":                 {func(i int) int { return (90 + i%30) * mib }, func(i int) int { return 40 + i%9 }, 90, true},
		"growing at first":            {func(i int) int { return (30 + min(i, 30)*3) * mib }, func(int) int { return 40 }, 90, true},
		"memory that grows":           {func(i int) int { return (40 + 2*i) * mib }, func(int) int { return 40 }, 90, false},
		"files that are never closed": {func(int) int { return 90 * mib }, func(i int) int { return 20 + i }, 90, false},
		"growing, in too few samples": {func(i int) int { return (40 + 2*i) * mib }, func(int) int { return 40 }, 44, true},
		"one burst in the last third": {func(i int) int { return (90 + 300*(i/80%2)) * mib }, func(int) int { return 40 }, 90, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := gauge{memory: series(c.n, c.memory), files: series(c.n, c.files)}
			if text, flat := g.verdict(); flat != c.flat {
				t.Errorf("got flat %t: %s", flat, text)
			}
		})
	}
}

func TestAProcessAndItsChildrenAreMeasured(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("there is no /proc here, and the gauge says so")
		return
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	found := child.Of(os.Getpid())
	if len(found) != 1 || found[0] != cmd.Process.Pid {
		t.Errorf("got children %v, want %d", found, cmd.Process.Pid)
	}
	if memory, files := privateMemory(os.Getpid()), openFiles(os.Getpid()); memory < 1<<20 || files < 3 {
		t.Errorf("got %d bytes and %d files of this process", memory, files)
	}
	if privateMemory(-1) != 0 || openFiles(-1) != 0 {
		t.Error("no process has memory or files")
	}
}

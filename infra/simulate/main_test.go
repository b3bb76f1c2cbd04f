package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"

	"portcullis/infra/simulate/flood"
)

func output(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTheScenariosAndTheLimitsAreListed(t *testing.T) {
	list, limits := output(t, "-list"), output(t, "-limits")
	for _, s := range flood.Scenarios() {
		if !strings.Contains(list, s.Name) {
			t.Errorf("the list has no %s:\n%s", s.Name, list)
		}
	}
	for _, f := range flood.Defaults().Facts() {
		if !strings.Contains(limits, f.Source) {
			t.Errorf("the limits have no %s:\n%s", f.Source, limits)
		}
	}
}

// Each scenario runs, says what is full first on each rung, and ends with the
// design's answer.
func TestEachScenarioTellsWhatIsFullFirst(t *testing.T) {
	for _, s := range flood.Scenarios() {
		text := output(t, "-scenario", s.Name, "-duration", "100ms", "-quiet")
		if first := strings.Count(text, "full first"); first == 0 || first > len(s.Rungs) {
			t.Errorf("%s: %d rungs tell what is full first:\n%s", s.Name, first, text)
		}
		if s.Answer == "" || !strings.Contains(text, s.Answer) {
			t.Errorf("%s: has no answer:\n%s", s.Name, text)
		}
	}
}

func TestTheSameSeedPrintsTheSame(t *testing.T) {
	args := []string{"-scenario", "hot-user", "-duration", "100ms", "-quiet"}
	first := output(t, append(args, "-seed", "3")...)
	if again := output(t, append(args, "-seed", "3")...); again != first {
		t.Errorf("got\n%s\nafter\n%s", again, first)
	}
	if output(t, append(args, "-seed", "4")...) == first {
		t.Error("another seed prints the same")
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"more"}, {"-scenario", "tuesday"}, {"-duration", "-1s"}, {"-duration", "6m"}, {"-hash", "1m"}, {"-goats"}} {
		if err := run(args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
	if err := run([]string{"-help"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: got %v", err)
	}
}

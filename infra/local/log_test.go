package main

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/bootstrap"
)

func TestTheLogKeepsItsLevel(t *testing.T) {
	for name, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1, "off": 0} {
		s := new(settings)
		if err := s.setLevel(name); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		log := s.logger(&out).With("a", 1).WithGroup("g")
		log.Debug("one", "b", 2)
		log.Info("one", "b", 2)
		log.Warn("one", "b", 2)
		log.Error("one", "b", 2)
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Errorf("-log %s: got %d lines of 4, want %d", name, got, want)
		}
	}
}

func TestAFunctionsOutputIsSievedLineByLine(t *testing.T) {
	var out strings.Builder
	lines := bootstrap.NewLines(sieve{&out, slog.LevelWarn})
	for _, part := range []string{
		`{"level":"INFO","msg":"a"}` + "\n" + `{"_aws":{}}` + "\n" + `{"level":"WA`, `RN","msg":"b"}` + "\n",
		"panic: c\n", `{"msg":"d"}` + "\n", `{"level":"ERROR","msg":"e"}` + "\n" + "the end",
	} {
		if _, err := io.WriteString(lines, part); err != nil {
			t.Fatal(err)
		}
	}
	lines.Flush()
	want := []string{`{"level":"WARN","msg":"b"}`, "panic: c", `{"msg":"d"}`, `{"level":"ERROR","msg":"e"}`, "the end", ""}
	if diff := cmp.Diff(strings.Split(out.String(), "\n"), want); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
}

func TestTheLogWaitsForTheGreeting(t *testing.T) {
	var out strings.Builder
	log := &held{w: &out}
	_, _ = io.WriteString(log, "1")
	if out.Len() > 0 {
		t.Errorf("got %q before the release", out.String())
	}
	log.release()
	_, _ = io.WriteString(log, "2")
	log.release()
	if out.String() != "12" {
		t.Errorf("got %q, want 12", out.String())
	}
}

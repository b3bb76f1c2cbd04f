package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gopkg.in/yaml.v3"

	"portcullis/internal/access"
)

// greeted returns the greeting of a server with these settings.
func greeted(s settings, where string, g guests) string {
	var out strings.Builder
	s.greet(&out, "127.0.0.1:8480", where, g)
	return out.String()
}

func TestTheGreetingShowsPeopleWhatToTry(t *testing.T) {
	people := []person{{demo, "root", "secret-1", access.Sysadmin}, {demo, "ana.silva", "secret-2", access.Manager}}
	got := greeted(settings{}, "It is in /here.", guests{people, 5})
	if strings.Count(got, "  curl ") != 3 {
		t.Errorf("got %s, want three commands", got)
	}
	for _, want := range []string{"secret-1", "/users/ana.silva/unlock", "this once", "5 of them lock", "It is in /here.", "/examples/portal-login.html"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %q in it", got, want)
		}
	}
}

func TestTheGreetingSaysWhatIsSo(t *testing.T) {
	known, unknown := person{demo, "root", "secret-1", access.Sysadmin}, person{demo, "root", "", access.Sysadmin}
	for _, test := range []struct {
		name       string
		settings   settings
		guests     guests
		with, lack string
	}{
		{"of passwords that are known", settings{}, guests{[]person{known}, 5}, "this once", unknownPassword},
		{"of passwords that nobody knows", settings{}, guests{[]person{unknown}, 5}, unknownPassword, "this once"},
		{"of a maximum of two", settings{}, guests{[]person{known}, 2}, "2 of them lock the user", "5"},
		{"of a maximum of one", settings{}, guests{[]person{known}, 1}, "it locks the user", "of them"},
		{"of a log that is short", settings{level: slog.LevelWarn}, guests{[]person{known}, 3}, "-log info", "five"},
		{"of a server that only has its users from here", settings{seed: true}, guests{[]person{known}, 3}, "/console/", "/examples/"},
		{"of a log that is long", settings{level: slog.LevelInfo}, guests{[]person{known}, 3}, "Try", "-log info"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := greeted(test.settings, "", test.guests)
			// The port of the address has digits of its own.
			if said := strings.ReplaceAll(got, "8480", ""); !strings.Contains(said, test.with) || strings.Contains(said, test.lack) {
				t.Errorf("got %s, want %q in it and not %q", got, test.with, test.lack)
			}
		})
	}
}

// asPerson runs the server as somebody at a terminal does, and returns all that
// it prints once it has ended, after two signals: the terminal's, and the same
// one passed on.
func asPerson(t *testing.T, flags ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"-addr", "127.0.0.1:0"}, flags...)...)
	cmd.Env = append(os.Environ(), testFunction+"=is the server")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(out, first); err != nil {
		t.Fatalf("%v; it said %s", err, stderr.String())
	}
	for range 2 {
		_ = cmd.Process.Signal(syscall.SIGINT)
	}
	rest, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("got %v, and %q on standard error", err, stderr.String())
	}
	return string(first) + string(rest)
}

func TestACtrlCThatComesTwiceStopsGracefully(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for _, start := range []string{"the first start", "the second start"} {
		got := asPerson(t, "-data", dir, "-max-attempts", "2")
		if !strings.HasSuffix(got, "\nstopped\n") || !strings.Contains(got, "The data is in "+dir+".") ||
			!strings.Contains(got, "2 of them lock") {
			t.Errorf("%s: got %s", start, got)
		}
	}
}

func TestTheUsageIsForPeopleWithMakeToo(t *testing.T) {
	var said strings.Builder
	_, err := parse([]string{"-help"}, &said)
	if got := said.String(); err == nil || !strings.Contains(got, `make run ARGS="`) || !strings.Contains(got, "-max-attempts") {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAFunctionTakesAsLongAsTheTemplateSays(t *testing.T) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Parameters struct {
			AttemptLifetimeSeconds struct {
				Default float64 `yaml:"Default"`
			} `yaml:"AttemptLifetimeSeconds"`
		} `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	if want := template.Parameters.AttemptLifetimeSeconds.Default; functionTime.Seconds() != want {
		t.Errorf("got %v, want the template's %v seconds", functionTime, want)
	}
}

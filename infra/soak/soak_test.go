package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// short is how long a world is soaked by `make test`; `make soak` does it longer.
const short = 12 * time.Second

// build compiles infra/local, with files of the project replaced.
func build(t *testing.T, replaced map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for path, text := range replaced {
		file := filepath.Join(folder, filepath.Base(path))
		whole, err := filepath.Abs(path)
		if err == nil {
			err = os.WriteFile(file, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		overlay.Replace[whole] = file
	}
	list, err := json.Marshal(overlay)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "overlay.json"), list, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(folder, "local")
	cmd := exec.Command("go", "build", "-overlay", filepath.Join(folder, "overlay.json"), "-o", program, "../local")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// soakFor runs the command as from a shell, and returns what it printed.
func soakFor(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	var out, progress bytes.Buffer
	err := run(t.Context(), arguments, &out, &progress)
	t.Logf("%s\n%s", &progress, &out)
	return out.String(), err
}

// exercised wants a run to have come to what it is for.
func exercised(t *testing.T, summary string, wanted ...string) {
	t.Helper()
	for _, want := range append(wanted, "  guess ", "  unlock", "differences: 0") {
		if !strings.Contains(summary, want) {
			t.Errorf("the summary does not say %q", want)
		}
	}
}

func TestTheEmbeddedServerIsAsItsAnswersSay(t *testing.T) {
	t.Parallel()
	summary, err := soakFor(t, "-local", build(t, nil), "-worlds", "embedded", "-duration", short.String(), "-kills", "2")
	if err != nil {
		t.Error(err)
	}
	exercised(t, summary, "cut off")
}

func TestTheFunctionsAreAsTheirAnswersSay(t *testing.T) {
	t.Parallel()
	summary, err := soakFor(t, "-local", build(t, nil), "-functions", "../../.build/functions", "-worlds", "functions",
		"-duration", short.String(), "-faults", "0.03")
	if err != nil {
		t.Error(err)
	}
	exercised(t, summary, "faults: ")
}

// A store that reads, decides and then writes loses failures when they come at
// once. That is the bug that this product is about, and the traffic finds it. The
// record that is decided on here is the one that the attempt's charge left.
func TestABrokenServerIsFound(t *testing.T) {
	t.Parallel()
	const path, stale = "../../internal/embedded/attempts.go", "if f, fails := t.(lockout.Fail); fails { RECORD = f.Seen }\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := string(text)
	for line, record := range map[string]string{
		"	if result := t.Apply(seen); result.Outcome != lockout.Applied {\n": "seen", "	result := t.Apply(found)\n": "found",
	} {
		if strings.Count(broken, line) != 1 {
			t.Fatalf("%s does not have the line that is to be broken: %s", path, line)
		}
		broken = strings.Replace(broken, line, strings.Replace(stale, "RECORD", record, 1)+line, 1)
	}
	_, err = soakFor(t, "-local", build(t, map[string]string{path: broken}), "-worlds", "embedded", "-duration", short.String(), "-kills", "0")
	if !errors.Is(err, errDifferent) {
		t.Errorf("got %v, want differences", err)
	}
}

// Ctrl-C ends a run early, and what there is is checked.
func TestAnEarlyEndIsChecked(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	early := writerFunc(func(line []byte) {
		if bytes.Contains(line, []byte("requests")) { // the first line of progress
			cancel()
		}
	})
	err := run(ctx, []string{"-local", build(t, nil), "-worlds", "embedded", "-duration", "10m", "-kills", "0"}, &out, early)
	if err != nil || !strings.Contains(out.String(), "differences: 0") {
		t.Errorf("got %v: %s", err, &out)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestBadFlagsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		arguments []string
		want      string
	}{
		"a world that is none":               {[]string{"-worlds", "moon"}, "-worlds"},
		"no time":                            {[]string{"-duration", "0s"}, "-duration"},
		"more faults than there may be":      {[]string{"-faults", "0.6"}, "-faults"},
		"a negative number of kills":         {[]string{"-kills", "-1"}, "-kills"},
		"a server elsewhere":                 {[]string{"-base", "http://192.0.2.1:80"}, "this machine"},
		"a name that could lead elsewhere":   {[]string{"-base", "http://localhost.example"}, "this machine"},
		"a server over TLS":                  {[]string{"-base", "https://127.0.0.1"}, "this machine"},
		"a server without a password":        {[]string{"-base", "http://127.0.0.1:1"}, "PORTCULLIS_SOAK_PASSWORD"},
		"a functions world without services": {[]string{"-worlds", "functions"}, "AWS_ENDPOINT_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ENDPOINT_URL", "")
			t.Setenv("PORTCULLIS_SOAK_PASSWORD", "")
			err := run(t.Context(), c.arguments, new(bytes.Buffer), new(bytes.Buffer))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something about %s", err, c.want)
			}
		})
	}
}

package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// build compiles the command and returns its path.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "ministack")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// run runs the command in the project's folder.
func run(t *testing.T, program string, arguments ...string) (code int, output string) {
	t.Helper()
	cmd := exec.Command(program, arguments...)
	cmd.Dir = filepath.Join("..", "..")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), said.String()
}

// standIn returns a virtual environment with a script in MiniStack's place.
func standIn(t *testing.T, script string) string {
	t.Helper()
	venv := t.TempDir()
	if err := os.Mkdir(filepath.Join(venv, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(venv, "bin", "ministack"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return venv
}

func TestWithoutMiniStack(t *testing.T) {
	program := build(t)
	broken := standIn(t, "#!/bin/sh\necho no room here\nexit 1\n")
	for _, c := range []struct {
		name      string
		arguments []string
		code      int
		says      string
	}{
		{"no command is a usage error", nil, 2, "usage: ministack"},
		{"a virtual environment that is missing names what makes it", []string{"-venv", t.TempDir(), "--", "true"}, 125, "make test"},
		{"a MiniStack that does not start shows what it said", []string{"-venv", broken, "--", "true"}, 125, "no room here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, output := run(t, program, c.arguments...)
			if code != c.code || !strings.Contains(output, c.says) {
				t.Errorf("got exit code %d and %q, want %d and %q in it", code, output, c.code, c.says)
			}
		})
	}
}

func TestASignalDuringSetUpLeavesNothing(t *testing.T) {
	program := build(t)
	pipe := filepath.Join(t.TempDir(), "started")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	// It says which process it is, and then never answers.
	silent := standIn(t, fmt.Sprintf("#!/bin/sh\necho $$ >'%s'\nexec tail -f /dev/null\n", pipe))
	for _, told := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run(told.String(), func(t *testing.T) {
			temporary := t.TempDir()
			var said bytes.Buffer
			cmd := exec.Command(program, "-venv", silent, "--", "echo", "the command runs")
			cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			server := readProcess(t, pipe)
			if err := cmd.Process.Signal(told); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // the exit code says how it ended
			if code := cmd.ProcessState.ExitCode(); code != 125 || !strings.Contains(said.String(), told.String()) {
				t.Errorf("got exit code %d and %q, want 125 and %q in it", code, said.String(), told)
			}
			if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
				t.Errorf("got %v, %v in the temporary folder, want nothing", left, err)
			}
			if err := syscall.Kill(server, 0); err != syscall.ESRCH {
				t.Errorf("process %d of the services: got %v, want it gone", server, err)
			}
		})
	}
}

// readProcess waits for a process to write its number into a named pipe.
func readProcess(t *testing.T, pipe string) int {
	t.Helper()
	text, err := os.ReadFile(pipe)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

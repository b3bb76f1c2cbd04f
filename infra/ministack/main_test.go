package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stub stands in for MiniStack where none is wanted: it ends at once.
const stub = "#!/bin/sh\necho no room here\nexit 1\n"

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

func TestWithoutMiniStack(t *testing.T) {
	program := build(t)
	broken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(broken, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "bin", "ministack"), []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
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

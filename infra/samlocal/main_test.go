package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWithoutDocker runs the program where there is no docker command, and where
// there is one that reaches no engine.
func TestWithoutDocker(t *testing.T) {
	program := filepath.Join(t.TempDir(), "samlocal")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	refusing := t.TempDir()
	script := "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(refusing, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		arguments  []string
		says       []string
	}{
		{"no command", t.TempDir(), nil, []string{"no docker command", "make run-functions"}},
		{"no engine", refusing, nil, []string{"does not answer", "Cannot connect", "make run-functions"}},
		{"an engine of our own, without its tools", refusing, []string{"-own-docker"}, []string{"apt-get install", "busybox-static"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(program, c.arguments...)
			cmd.Env = []string{"PATH=" + c.path, "AWS_ENDPOINT_URL=http://127.0.0.1:1"}
			said, err := cmd.CombinedOutput()
			var exited *exec.ExitError
			if !errors.As(err, &exited) || exited.ExitCode() != 125 {
				t.Errorf("got %v, want exit code 125", err)
			}
			for _, want := range c.says {
				if !strings.Contains(string(said), want) {
					t.Errorf("got %s, want %q in it", said, want)
				}
			}
		})
	}
}

// TestAnAuthorizerThatSAMForgetsIsNoticed has a server in SAM's place, which
// answers an admin route itself or passes it on to the function. Only a function's
// answer has an X-Request-Id.
func TestAnAuthorizerThatSAMForgetsIsNoticed(t *testing.T) {
	for _, c := range []struct {
		name      string
		status    int
		requestID string
		fine      bool
	}{
		{"SAM refuses", http.StatusUnauthorized, "", true},
		{"the function refuses", http.StatusUnauthorized, "c6af9ac6", false},
		{"nobody refuses", http.StatusOK, "c6af9ac6", false},
		{"nobody is there", http.StatusBadGateway, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			sam := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.requestID != "" {
					w.Header().Set("X-Request-Id", c.requestID)
				}
				w.WriteHeader(c.status)
			}))
			defer sam.Close()
			if err := (&api{base: sam.URL}).checkAuthorizer(t.Context()); (err == nil) != c.fine {
				t.Errorf("got %v, want fine: %v", err, c.fine)
			}
		})
	}
}

func TestTheStandInHasWhatLambdaHas(t *testing.T) {
	program := filepath.Join(t.TempDir(), "busybox")
	if err := os.WriteFile(program, []byte("a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	archive, err := rootFileSystem(program)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]fs.FileMode{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[header.Name] = header.FileInfo().Mode()
	}
	want := map[string]fs.FileMode{
		"bin/busybox": 0o755, "bin/sh": fs.ModeSymlink | 0o777, "bin/mv": fs.ModeSymlink | 0o777, "bin/chmod": fs.ModeSymlink | 0o777,
		"etc": fs.ModeDir | 0o755, "opt": fs.ModeDir | 0o755, "var/runtime": fs.ModeDir | 0o755, "var/task": fs.ModeDir | 0o755,
		"tmp": fs.ModeDir | fs.ModeSticky | 0o777,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("files (-got +want):\n%s", diff)
	}
}

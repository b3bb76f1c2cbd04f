package lockout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// explorationTime bounds the exploration of one mutant, which takes seconds: less
// than what a package has in `make test`, so that it is the mutant that is named.
const explorationTime = 5 * time.Minute

// exploreApart runs the model check in a process of its own, on the package with
// other sources where there are some. It returns what was printed, and the first
// promise that is broken, or nothing.
func exploreApart(t *testing.T, sources map[string]string) (out, broken string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), explorationTime)
	defer cancel()
	binary := buildExplorer(ctx, t, sources)
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.failfast", fmt.Sprint("-test.timeout=", explorationTime))
	printed, err := cmd.CombinedOutput()
	var exited *exec.ExitError
	switch out = string(printed); {
	case err == nil:
		return out, ""
	case !errors.As(err, &exited) || !strings.Contains(out, "--- FAIL: "):
		t.Fatalf("exploring: %v\n%s", err, out)
	}
	return out, firstFault(out)
}

// buildExplorer compiles the model check, alone and without the race detector,
// on the package with other sources.
func buildExplorer(ctx context.Context, t *testing.T, sources map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	replace := map[string]string{}
	for name, text := range sources {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[absolute(t, name)] = file
	}
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		if !strings.HasPrefix(test, "model_") {
			replace[absolute(t, test)] = "" // as if it were not there
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file, binary := filepath.Join(folder, "overlay.json"), filepath.Join(folder, "explorer.test")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(ctx, "go", "test", "-c", "-race=false", "-vet=off", "-ldflags=-s -w", "-overlay", file, "-o", binary, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("compiling: %v\n%s", err, out)
	}
	return binary
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// firstFault returns the line that says what is broken: the last of the log
// lines, since nothing is run after it.
func firstFault(out string) string {
	fault := out
	for line := range strings.Lines(out) {
		if _, text, ok := strings.Cut(line, "_test.go:"); ok {
			_, fault, _ = strings.Cut(text, ": ") // behind the line's number
		}
	}
	return strings.TrimSpace(fault)
}

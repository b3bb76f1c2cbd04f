package infra_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEqualSourcesGiveEqualBytes builds every function in two folders of
// different names, as `make functions` builds them, so that anybody can tell by
// a checksum that what is deployed was made of these sources. A path, a time or
// a commit in a binary shows up here.
func TestEqualSourcesGiveEqualBytes(t *testing.T) {
	there, elsewhere := filepath.Join(t.TempDir(), "there"), filepath.Join(t.TempDir(), "else", "where")
	first, second := checksums(t, there), checksums(t, elsewhere)
	if len(first) == 0 {
		t.Fatal("nothing was built")
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("checksums (-%s +%s):\n%s", there, elsewhere, diff)
	}
}

// checksums builds the functions from a copy of the sources, and returns the
// SHA-256 of each.
func checksums(t *testing.T, folder string) map[string]string {
	t.Helper()
	for _, name := range []string{"functions", "internal", "infra"} {
		if err := os.CopyFS(filepath.Join(folder, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"Makefile", "go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "make", "-C", folder, "functions").CombinedOutput(); err != nil {
		t.Fatalf("make functions: %v\n%s", err, out)
	}
	built, err := filepath.Glob(filepath.Join(folder, ".build", "functions", "*", "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for _, path := range built {
		binary, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sums[filepath.Base(filepath.Dir(path))] = fmt.Sprintf("%x", sha256.Sum256(binary))
	}
	return sums
}

package browser

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// names are what Chromium is called in the PATH. infra/tools/test says aloud
// when there is none of them.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

// missing says why a test of a page cannot run.
const missing = "there is no Chromium, so pages cannot be tested; apt-get install chromium (or a " +
	"chromium, chromium-browser or google-chrome in the PATH) changes that"

// need returns the path of Chromium. Where there is none the test is skipped,
// but where CI is set it fails: there it was promised.
func need(t testing.TB) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// repository returns the folder of go.mod, at or above the package under test.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the test's folder")
		}
	}
}

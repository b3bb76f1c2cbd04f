package browser

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
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

// chromium is the one that all pages of a test binary are opened in: starting it
// takes longer than most tests.
var chromium struct {
	sync.Mutex
	ctx  context.Context
	stop func()
}

// running starts Chromium, or returns the one that runs.
func running(path string) (context.Context, error) {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx != nil {
		return chromium.ctx, nil
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // root has none, and every page is ours
		chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		// No page and no browser asks anybody but this machine.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.WindowSize(1280, 800),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closed := chromedp.NewContext(ctx)
	end := func() { closed(); stop() }
	if err := chromedp.Do(ctx); err != nil {
		end()
		return nil, err
	}
	chromium.ctx, chromium.stop = ctx, end
	return ctx, nil
}

// Quit ends Chromium, if it was started. TestMain calls it when the tests are
// through.
func Quit() {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.stop != nil {
		chromium.stop()
		chromium.ctx, chromium.stop = nil, nil
	}
}

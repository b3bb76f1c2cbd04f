package infra_test

import (
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// builds is the folder of the compiled functions: that of `make functions`,
// where each has a folder of its own name, or SAM's, where it is the logical id.
var builds = flag.String("builds", ownBuilds, "folder of the compiled functions")

// ownBuilds are the functions that this machine runs, in tests and by hand. All
// others are for Lambda.
const ownBuilds = "../.build/functions"

// TestEachBootstrapIsItsFunction reads what each binary says of itself, as
// `go version -m` does. A CodeUri that names the wrong folder builds some
// function, and every other check would pass.
func TestEachBootstrapIsItsFunction(t *testing.T) {
	tpl := readTemplate(t)
	for _, f := range tpl.functions(t) {
		info, err := buildinfo.ReadFile(bootstrap(f))
		if err != nil {
			t.Errorf("%s: %v (`make functions` builds it)", f.folder(), err)
			continue
		}
		want := build{
			Package: modulePath + "functions/" + f.folder(), Platform: tpl.platform(t, f), CGO: "0",
			Tags: "lambda.norpc,nethttpomithttp2", Trimpath: "true",
		}
		got := build{Package: info.Path}
		for _, s := range info.Settings {
			got.set(s.Key, s.Value)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.folder(), diff)
		}
	}
}

// A build is what a binary says of how it was made. Revision must stay empty:
// equal sources give equal bytes.
type build struct {
	Package, Platform, CGO, Tags, Trimpath, Revision string
}

// platform returns what a function must be compiled for, as GOOS/GOARCH.
func (tpl template) platform(t *testing.T, f functionResource) string {
	t.Helper()
	if *builds == ownBuilds {
		return runtime.GOOS + "/" + runtime.GOARCH
	}
	architectures := f.Architectures
	if architectures == nil {
		architectures = tpl.Globals.Function.Architectures
	}
	goarch, ok := map[string]string{"[x86_64]": "amd64", "[arm64]": "arm64"}[fmt.Sprint(architectures)]
	if !ok {
		t.Fatalf("%s: got architectures %q, want one of Lambda's", f.id, architectures)
	}
	return "linux/" + goarch
}

func (b *build) set(key, value string) {
	switch key {
	case "GOOS":
		b.Platform = value + b.Platform
	case "GOARCH":
		b.Platform += "/" + value
	case "CGO_ENABLED":
		b.CGO = value
	case "-tags":
		b.Tags = value
	case "-trimpath":
		b.Trimpath = value
	case "vcs.revision":
		b.Revision = value
	}
}

func bootstrap(f functionResource) string {
	for _, folder := range []string{f.folder(), f.id} {
		path := filepath.Join(*builds, folder, "bootstrap")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return filepath.Join(*builds, f.folder(), "bootstrap")
}

// The sizes of a stripped function that may not be reached, in bytes, plain and
// zipped. Lambda fetches and unpacks a function before it starts it, so a login
// that finds no process waiting waits for that too.
const (
	maxFunction = 10_000_000
	maxZipped   = 4_000_000
)

func TestEachFunctionIsSmall(t *testing.T) {
	for _, f := range readTemplate(t).functions(t) {
		binary, err := os.ReadFile(bootstrap(f))
		if err != nil {
			t.Errorf("%s: %v (`make functions` builds it)", f.folder(), err)
			continue
		}
		if zipped := zippedSize(t, binary); len(binary) >= maxFunction || zipped >= maxZipped {
			t.Errorf("%s has %d bytes, %d zipped, and must stay below %d and %d; infra/decisions/0011 says what was left out before",
				f.folder(), len(binary), zipped, maxFunction, maxZipped)
		}
	}
}

// zippedSize returns how many bytes an archive of a function has.
func zippedSize(t *testing.T, binary []byte) int {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	entry, err := w.Create("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write(binary); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Len()
}

package infra_test

import (
	"debug/buildinfo"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// builds is the folder of the compiled functions: that of `make functions`,
// where each has a folder of its own name, or SAM's, where it is the logical id.
var builds = flag.String("builds", "../.build/functions", "folder of the compiled functions")

// TestEachBootstrapIsItsFunction reads what each binary says of itself, as
// `go version -m` does. A CodeUri that names the wrong folder builds some
// function, and every other check would pass.
func TestEachBootstrapIsItsFunction(t *testing.T) {
	for _, f := range readTemplate(t).functions(t) {
		info, err := buildinfo.ReadFile(bootstrap(f))
		if err != nil {
			t.Errorf("%s: %v (`make functions` builds it)", f.folder(), err)
			continue
		}
		want := build{
			Package: modulePath + "functions/" + f.folder(), CGO: "0", Tags: "lambda.norpc,nethttpomithttp2", Trimpath: "true",
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
	Package, CGO, Tags, Trimpath, Revision string
}

func (b *build) set(key, value string) {
	switch key {
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

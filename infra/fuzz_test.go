package infra_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fuzzed runs infra/tools/fuzz in a module of one package with the given tests, and
// returns what it says, its folder and whether it is content.
func fuzzed(t *testing.T, tests string) (said, folder string, content bool) {
	t.Helper()
	tool, err := filepath.Abs(filepath.Join(root, "infra", "tools", "fuzz"))
	if err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	for name, text := range map[string]string{
		"go.mod":       "module example\n\ngo 1.26\n",
		"code_test.go": "package example\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nvar _ = os.Exit\n\n" + tests,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.Command(tool, "200x")
	run.Dir = folder
	out, err := run.CombinedOutput()
	return string(out), folder, err == nil
}

const soundTarget = `func FuzzSound(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) {}) }
`

func TestTheFuzzersTableTellsEachTarget(t *testing.T) {
	said, _, content := fuzzed(t, soundTarget+`func FuzzOther(f *testing.F) { f.Fuzz(func(t *testing.T, n int) {}) }`)
	for _, want := range []string{"example FuzzSound\n", "example FuzzOther\n", "executions of 2 targets\n"} {
		if !content || !strings.Contains(said, want) {
			t.Errorf("content %v, and it does not say %q:\n%s", content, want, said)
		}
	}
}

func TestFuzzingFailsWithWhatATargetFailsOn(t *testing.T) {
	said, folder, content := fuzzed(t, soundTarget+`func FuzzBroken(f *testing.F) {
	f.Add([]byte("a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if string(b) != "a" {
			t.Error("it is another")
		}
	})
}`)
	kept, err := filepath.Glob(filepath.Join(folder, "testdata", "fuzz", "FuzzBroken", "*"))
	if content || err != nil || len(kept) != 1 || !strings.Contains(said, "FAILED: example FuzzBroken") || !strings.Contains(said, "ok: example FuzzSound") {
		t.Errorf("content %v, keeps %v (%v), and says:\n%s", content, kept, err, said)
	}
}

func TestFuzzingFailsWithoutATarget(t *testing.T) {
	said, _, content := fuzzed(t, `func TestNothing(*testing.T) {}`)
	if content || !strings.Contains(said, "there is no fuzz target") {
		t.Errorf("content %v, and says:\n%s", content, said)
	}
}

// TestTheEndOfTheTimeIsNoFailure of a target, which Go's fuzzer may report as one;
// a target that fails in the same moment is one all the same.
func TestTheEndOfTheTimeIsNoFailure(t *testing.T) {
	const ending = `func TestMain(m *testing.M) {
	for _, argument := range os.Args {
		if argument == "-test.fuzz" {
			println("fuzz: elapsed: 20s, execs: 7 (1/sec), new interesting: 0 (total: 1)")
			println("--- FAIL: FuzzSound (20.01s)")
			println("    context deadline exceeded")
			WORSE
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
`
	if said, _, content := fuzzed(t, soundTarget+strings.Replace(ending, "WORSE", "", 1)); !content || !strings.Contains(said, "ok: example FuzzSound, 7 executions") {
		t.Errorf("content %v:\n%s", content, said)
	}
	worse := strings.Replace(ending, "WORSE", `println("        code_test.go:9: it is another")`, 1)
	if said, _, content := fuzzed(t, soundTarget+worse); content {
		t.Errorf("it is content:\n%s", said)
	}
}

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// repository is seen from this package.
const repository = "../../.."

func TestATraceIsWhatTheRuntimeTells(t *testing.T) {
	got, err := readTrace(strings.NewReader("init internal/bytealg @0.008 ms, 0 ms clock, 0 bytes, 0 allocs\n" +
		`{"level":"INFO","msg":"init of something"}` + "\n" +
		"init portcullis/internal/users @5.0 ms, 0.12 ms clock, 26688 bytes, 383 allocs\n"))
	want := trace{"internal/bytealg": {}, "portcullis/internal/users": {120 * time.Microsecond, 26688, 383}}
	if diff := cmp.Diff(got, want, cmp.AllowUnexported(work{})); err != nil || diff != "" {
		t.Errorf("error %v, got -, want +:\n%s", err, diff)
	}
}

func TestAProcessThatTracesNothingIsAnError(t *testing.T) {
	if got, err := readTrace(strings.NewReader("configuration: AWS_REGION is missing\n")); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}

// TestAPackageIsToldByItsMedian: one slow process of three moves nothing.
func TestAPackageIsToldByItsMedian(t *testing.T) {
	us := func(n int) trace { return trace{"net": {took: time.Duration(n) * time.Microsecond}} }
	rows := packageTable(map[string][]trace{empty: {us(10), us(30), us(20)}, "login": {us(900), us(210), us(60)}}).rows
	want := [][]string{{"net", "0.020", "0.210 to 0.210", "dear", "0.0", "0", "all"}}
	if diff := cmp.Diff(rows, want); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
	if rows := packageTable(map[string][]trace{empty: {us(10)}, "login": {us(49)}}).rows; len(rows) > 0 {
		t.Errorf("got %v of a package that does less than is listed", rows)
	}
}

// TestARatioIsTakenWithinPairs: a machine that was twice as slow for one pair
// changes no ratio.
func TestARatioIsTakenWithinPairs(t *testing.T) {
	both := func(own, empty int) pair {
		return pair{start{init: time.Duration(own)}, start{init: time.Duration(empty)}}
	}
	pairs := []pair{both(14, 10), both(28, 20), both(60, 10)}
	if got := ratio(pairs, initTime); got != 1.4 {
		t.Errorf("got %v, want 1.4", got)
	}
	for _, row := range startTable(map[string][]pair{"login": pairs, "query": {both(13, 10)}}).rows {
		if got, want := row[4] == "misses", row[0] == "login"; got != want {
			t.Errorf("%s misses the goal: got %v, want %v", row[0], got, want)
		}
	}
}

// TestEveryFunctionHasASampleToChange, and one that still holds what is changed.
func TestEveryFunctionHasASampleToChange(t *testing.T) {
	folders, err := filepath.Glob(repository + "/functions/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("got %v, %v", folders, err)
	}
	s := &samples{folder: repository + "/infra/events", password: "her-own", session: session{"an-access-token", "a-refresh-token"}}
	for _, folder := range folders {
		name := filepath.Base(folder)
		first, err := s.next(name, false)
		if err != nil || first.want == "" {
			t.Errorf("%s: got %+v, %v", name, first, err)
			continue
		}
		second, err := s.next(name, false)
		made := name == "manage-user" || name == "provision-client"
		if differ := string(first.text) != string(second.text); err != nil || differ != made {
			t.Errorf("%s: a second event that differs: got %v, %v; want %v", name, differ, err, made)
		}
	}
	right, _ := s.next("login", false)
	wrong, err := s.next("login", true)
	if !strings.Contains(string(right.text), "her-own") || strings.Contains(string(wrong.text), "her-own") || err != nil {
		t.Errorf("a right login is %s, a wrong one %s, %v", right.text, wrong.text, err)
	}
}

func TestASampleWithoutWhatIsChangedIsAnError(t *testing.T) {
	s := &samples{folder: t.TempDir()}
	if err := os.WriteFile(s.folder+"/login.json", []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.login("root", "her-own"); err == nil {
		t.Errorf("got %s, want an error", got)
	}
}

func TestMemorySizesAreTheTemplates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "template.yaml")
	text := "Globals: {Function: {MemorySize: 256}}\nResources:\n" +
		"  A: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: functions/login/, MemorySize: 1769, FunctionName: !Sub 'x'}}\n" +
		"  B: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: functions/query/}}\n" +
		"  C: {Type: 'AWS::Logs::LogGroup', Properties: {Name: c}}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readMemorySizes(path)
	if diff := cmp.Diff(got, map[string]int{"login": 1769, "query": 256}); err != nil || diff != "" {
		t.Errorf("error %v, got -, want +:\n%s", err, diff)
	}
}

func TestASizeIsPlainAndZipped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(path, make([]byte, 1_000_000), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := sizeOf(path)
	if err != nil || got.binary != 1_000_000 || got.zipped < 100 || got.zipped > 10_000 {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, row := range sizeTable(map[string]size{"small": {9_999_999, 3_999_999}, "large": {10_000_000, 1}, "dense": {1, 4_000_000}}).rows {
		if got, want := row[3] == "misses", row[0] != "small"; got != want {
			t.Errorf("%s misses a goal: got %v, want %v", row[0], got, want)
		}
	}
}

func TestATableIsPrintedBothWays(t *testing.T) {
	one := table{title: "Title", note: "A note.", head: []string{"a", "b"}, rows: [][]string{{"1", "22"}, {"333", ""}}}
	for name, test := range map[string]struct {
		markdown bool
		want     string
	}{
		"as text":     {false, "\nTitle\nA note.\n  a    b\n  1    22\n  333  \n"},
		"as Markdown": {true, "\n### Title\n\nA note.\n\n| a | b |\n| --- | --- |\n| 1 | 22 |\n| 333 |  |\n"},
	} {
		var out strings.Builder
		if err := print(&out, test.markdown, []table{one}); err != nil || out.String() != test.want {
			t.Errorf("%s: got %q, %v; want %q", name, out.String(), err, test.want)
		}
	}
}

func TestTheCommandLineRefuses(t *testing.T) {
	for _, arguments := range []string{"-rounds 0", "-traces 0", "-invocations 0", "more", "-unknown"} {
		if got, err := parse(strings.Fields(arguments), io.Discard); err == nil {
			t.Errorf("%s: got %+v, want an error", arguments, got)
		}
	}
	if _, err := (settings{functions: t.TempDir()}).names(); err == nil || !strings.Contains(err.Error(), "make functions") {
		t.Errorf("got %v for a folder without functions, want what compiles them", err)
	}
}

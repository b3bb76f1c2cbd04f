package infra_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// A workflow is what is checked of a GitHub Actions workflow.
type workflow struct {
	On          yaml.Node         `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Jobs        map[string]struct {
		Permissions map[string]string `yaml:"permissions"`
		Steps       []struct {
			Uses string         `yaml:"uses"`
			Run  string         `yaml:"run"`
			With map[string]any `yaml:"with"`
		} `yaml:"steps"`
	} `yaml:"jobs"`
}

// pinned is an action by its commit: a tag can be moved to other code.
var pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)

// mayWrite are the jobs with a permission beyond reading the code.
var mayWrite = map[string]map[string]string{
	"release.yml/release": {"contents": "write"},
}

func TestWorkflowsRunPinnedActionsWithFewPermissions(t *testing.T) {
	for name, text := range workflows(t) {
		for _, problem := range checkWorkflow(name, text) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// checkWorkflow says what is wrong with a workflow.
func checkWorkflow(name, text string) []string {
	var w workflow
	if err := yaml.Unmarshal([]byte(text), &w); err != nil {
		return []string{err.Error()}
	}
	var problems []string
	if diff := cmp.Diff(map[string]string{"contents": "read"}, w.Permissions); diff != "" {
		problems = append(problems, "permissions: "+diff)
	}
	if strings.Contains(text, "pull_request_target") {
		problems = append(problems, "runs what a stranger sends with our rights")
	}
	for id, job := range w.Jobs {
		if diff := cmp.Diff(mayWrite[name+"/"+id], job.Permissions); diff != "" {
			problems = append(problems, fmt.Sprintf("permissions of %s: %s", id, diff))
		}
		for _, step := range job.Steps {
			if step.Uses != "" && !pinned.MatchString(step.Uses) {
				problems = append(problems, step.Uses+" is not pinned by its commit")
			}
			if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != false {
				problems = append(problems, "leaves its token in the folder")
			}
			if strings.Contains(step.Run, "${{") {
				problems = append(problems, "makes a part of a command of what may be anybody's words")
			}
		}
	}
	return problems
}

func TestTheWorkflowCheckCanFail(t *testing.T) {
	const good = "permissions: {contents: read}\njobs: {a: {steps: [{uses: a/b@08c6903cd8c0fde910a37f88322edcfb5dd907a8}, {run: make}]}}"
	if got := checkWorkflow("x.yml", good); got != nil {
		t.Errorf("a good one: got %q", got)
	}
	for name, replace := range map[string][2]string{
		"a tag":                  {"08c6903cd8c0fde910a37f88322edcfb5dd907a8", "v5"},
		"a short commit":         {"08c6903cd8c0fde910a37f88322edcfb5dd907a8", "08c6903"},
		"a right to write":       {"contents: read", "contents: write"},
		"a job's right to write": {"{a: {", "{a: {permissions: {contents: write}, "},
		"a title in a command":   {"run: make", "run: 'echo ${{ github.event.pull_request.title }}'"},
		"a kept token":           {"a/b@", "actions/checkout@"},
		"a stranger's rights":    {"jobs:", "on: pull_request_target\njobs:"},
	} {
		if got := checkWorkflow("x.yml", strings.Replace(good, replace[0], replace[1], 1)); len(got) == 0 {
			t.Errorf("%s: got no problem", name)
		}
	}
}

// workflows returns the texts of all workflows by their names.
func workflows(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*"))
	if err != nil || len(paths) < 2 {
		t.Fatalf("got workflows %q, %v; want ci and release", paths, err)
	}
	texts := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(path)] = string(text)
	}
	return texts
}

// TestTheWorkflowsRunWhatIsPromised: the whole check on every change, and again
// before a release.
func TestTheWorkflowsRunWhatIsPromised(t *testing.T) {
	all := workflows(t)
	for name, want := range map[string][]string{
		"ci.yml":      {".ci/run", "govulncheck@v"},
		"release.yml": {".ci/run", "infra/tools/release", "gh release create"},
	} {
		for _, command := range want {
			if !strings.Contains(all[name], command) {
				t.Errorf("%s does not run %s", name, command)
			}
		}
	}
}

// TestDependabotLooksAtEverythingThatIsPinned compares its folders with those of
// the files that pin something.
func TestDependabotLooksAtEverythingThatIsPinned(t *testing.T) {
	var config struct {
		Updates []struct {
			Ecosystem   string   `yaml:"package-ecosystem"`
			Directory   string   `yaml:"directory"`
			Directories []string `yaml:"directories"`
		} `yaml:"updates"`
	}
	text, err := os.ReadFile(filepath.Join(root, ".github", "dependabot.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range config.Updates {
		for _, d := range append(u.Directories, u.Directory) {
			if d != "" {
				got = append(got, u.Ecosystem+" "+d)
			}
		}
	}
	want := []string{"github-actions /"}
	for _, name := range filesOf(t) {
		folder := "/" + strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), ".")
		switch base := filepath.Base(name); {
		case base == "go.mod":
			want = append(want, "gomod "+folder)
		case base == "package.json":
			want = append(want, "npm "+folder)
		case strings.HasPrefix(base, "requirements") && strings.HasSuffix(base, ".txt"):
			want = append(want, "pip "+folder)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
		t.Errorf("folders (-pinning something +looked at):\n%s", diff)
	}
}

// filesOf returns the paths of all files of the repository, but those of tools.
func filesOf(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != root && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		relative, err := filepath.Rel(root, name)
		all = append(all, relative)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

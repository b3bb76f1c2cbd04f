package infra_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// samCLI is the program that infra/tools/sam runs.
var samCLI = regexp.MustCompile(`sam/bin/sam\b`)

// TestNobodyRunsTheSAMCLIButItsTool: it would tell Amazon what it did, and ask PyPI
// for a newer version.
func TestNobodyRunsTheSAMCLIButItsTool(t *testing.T) {
	tools, err := filepath.Glob(filepath.Join(root, "infra", "tools", "*"))
	if err != nil {
		t.Fatal(err)
	}
	users := 0
	for _, file := range append(tools, filepath.Join(root, "Makefile"), filepath.Join(root, ".ci", "run"),
		filepath.Join(root, "README.md"), filepath.Join(root, "infra", "runbook.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		switch found := samCLI.Match(text); {
		case found && filepath.Base(file) == "sam":
			users++
		case found:
			t.Errorf("%s runs the SAM CLI by itself, not by infra/tools/sam", file)
		}
	}
	if users != 1 {
		t.Error("infra/tools/sam does not run it; this looks for the wrong thing")
	}
}

// TestTheSAMToolIsQuiet runs the tool on a program in the place of the SAM CLI,
// which says what it is told.
func TestTheSAMToolIsQuiet(t *testing.T) {
	project := t.TempDir()
	tool := filepath.Join(project, "infra", "tools", "sam")
	put(t, filepath.Join(project, ".build", "sam", "bin", "sam"), "#!/bin/sh\n"+
		`echo "$SAM_CLI_TELEMETRY ${AWS_DEFAULT_REGION:-none} $(cat "$__SAM_CLI_APP_DIR/metadata.json")"`+"\n")
	text, err := os.ReadFile(filepath.Join(root, "infra", "tools", "sam"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, tool, string(text))
	for _, c := range []struct {
		name, command string
		environment   []string
		region        string
	}{
		{"a build wants some region", "build", nil, "eu-west-1"},
		{"a build in a region", "build", []string{"AWS_REGION=us-east-2"}, "us-east-2"},
		{"a deployment goes where one is told", "deploy", []string{"AWS_REGION=us-east-2"}, "us-east-2"},
		{"a deployment by its other name", "deploy", []string{"AWS_DEFAULT_REGION=us-east-1", "AWS_REGION=us-east-2"}, "us-east-1"},
		{"a deployment has no region by chance", "deploy", nil, "none"},
	} {
		cmd := exec.Command(tool, c.command)
		cmd.Env = append(c.environment, "PATH="+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		want := "0 " + c.region + " {\"lastVersionCheck\": 4102444800.0, \"telemetryEnabled\": false}"
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, want)
		}
	}
}

// put writes a program.
func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

package infra_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// standIn puts a program in the place of the AWS CLI, which does what the script
// says with its arguments, and returns the folder that it may write to.
func standIn(t *testing.T, script string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "aws"), []byte("#!/bin/sh\ncd '"+folder+"'\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	return folder
}

func tool(t *testing.T, name string, arguments ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(filepath.Join(root, "infra", "tools", name), arguments...).CombinedOutput()
	return string(out), err
}

func TestSecretsAreMadeOnce(t *testing.T) {
	folder := standIn(t, `
printf '%s\n' "$*" >>calls
case "$*" in
*token-secret*) echo 'An error occurred (ParameterAlreadyExists)' >&2; exit 254 ;;
esac
cp "${8#file://}" value
`)
	said, err := tool(t, "secrets", "dev")
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if !strings.Contains(said, "/portcullis/dev/token-secret is there") || !strings.Contains(said, "made /portcullis/dev/cursor-secret") {
		t.Errorf("it said %q", said)
	}
	calls := string(mustRead(t, folder, "calls"))
	if strings.Contains(calls, "overwrite") || strings.Count(calls, "--type SecureString") != 2 {
		t.Errorf("it called %q", calls)
	}
	const bits = 64 // characters of base64 for 48 bytes
	if value := mustRead(t, folder, "value"); len(value) != bits || strings.Contains(calls+said, string(value)) {
		t.Errorf("the secret has %d characters, or is shown", len(value))
	}
}

func TestSecretsThatCannotBeMadeAreAFailure(t *testing.T) {
	standIn(t, "echo no credentials >&2; exit 255\n")
	if said, err := tool(t, "secrets", "dev"); err == nil || !strings.Contains(said, "no credentials") {
		t.Errorf("got %v and %q", err, said)
	}
}

// TestAClientIsProvisioned: what people typed arrives as it was typed.
func TestAClientIsProvisioned(t *testing.T) {
	folder := standIn(t, `
printf '%s\n' "$*" >calls
for a; do
	case $a in fileb://*) cp "${a#fileb://}" event ;; */answer.json) echo '{"password": "shown once"}' >"$a" ;; esac
done
echo "${FAILED:-None}"
`)
	t.Setenv("NAME", `Ana "the root" O'Hara`)
	t.Setenv("EMAIL", "root@acme.example")
	t.Setenv("BY", "ops")
	said, err := tool(t, "provision", "dev", "acme")
	if err != nil || !strings.Contains(said, "shown once") {
		t.Fatalf("%v: %s", err, said)
	}
	var got map[string]any
	if err := json.Unmarshal(mustRead(t, folder, "event"), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"client": "acme", "username": "root", "name": `Ana "the root" O'Hara`, "email": "root@acme.example", "by": "ops"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if calls := string(mustRead(t, folder, "calls")); !strings.Contains(calls, "--function-name portcullis-dev-provision-client --qualifier live") {
		t.Errorf("it called %q", calls)
	}
	t.Setenv("FAILED", "Unhandled")
	if said, err := tool(t, "provision", "dev", "acme"); err == nil {
		t.Errorf("a function that failed is no failure: %s", said)
	}
	if said, err := tool(t, "provision", "dev"); err == nil || !strings.Contains(said, "CLIENT=") {
		t.Errorf("without a client: got %v and %q", err, said)
	}
}

func mustRead(t *testing.T, folder, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

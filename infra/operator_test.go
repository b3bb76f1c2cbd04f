package infra_test

import (
	"encoding/json"
	"errors"
	"fmt"
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

// TestASecretIsReplacedByName: that one alone, and no other.
func TestASecretIsReplacedByName(t *testing.T) {
	folder := standIn(t, `printf '%s\n' "$*" >>calls`)
	said, err := tool(t, "secrets", "dev", "token-secret")
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	calls := string(mustRead(t, folder, "calls"))
	if strings.Count(calls, "\n") != 1 || !strings.Contains(calls, "--name /portcullis/dev/token-secret ") || !strings.Contains(calls, "--overwrite") {
		t.Errorf("it called %q", calls)
	}
	if said, err := tool(t, "secrets", "dev", "tokens"); err == nil || !strings.Contains(said, "no secret tokens") {
		t.Errorf("a name that is none: got %v and %q", err, said)
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

// TestADeploymentHasARevision of its code and its settings, beside what
// samconfig.toml sets, and says when nobody is told of alarms.
func TestADeploymentHasARevision(t *testing.T) {
	project := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(project, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	write("sam", "#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
	program, err := filepath.Abs(filepath.Join(root, "infra", "tools", "deploy"))
	if err != nil {
		t.Fatal(err)
	}
	deploy := func(stage string) (string, error) {
		command := exec.Command(program, stage)
		command.Dir, command.Env = project, append(os.Environ(), "SAM="+filepath.Join(project, "sam"))
		said, err := command.CombinedOutput()
		return string(said), err
	}
	settings := "[dev.deploy.parameters]\nparameter_overrides = [\"Stage=dev\", \"Version=1.4.0\", \"AllowedOrigins=%s\"]\n"
	write("samconfig.toml", fmt.Sprintf(settings, "https://a.example"))
	if said, err := deploy("dev"); err == nil || !strings.Contains(said, "nothing is built") {
		t.Errorf("before a build: got %v and %q", err, said)
	}
	write(".aws-sam/build/LoginFunction/bootstrap", "code")
	first, err := deploy("dev")
	if err != nil {
		t.Fatalf("%v: %s", err, first)
	}
	if !strings.Contains(first, "deploy\n--config-env\ndev\n--parameter-overrides\nStage=dev\nVersion=1.4.0\nAllowedOrigins=https://a.example\nRevision=") ||
		!strings.Contains(first, "sets no AlarmTopicArn") {
		t.Errorf("got %q", first)
	}
	if again, _ := deploy("dev"); again != first {
		t.Errorf("the same once more: got %q, want %q", again, first)
	}
	for _, change := range []struct{ name, file, text string }{
		{"a setting", "samconfig.toml", fmt.Sprintf(settings, "https://b.example")},
		{"code", ".aws-sam/build/LoginFunction/bootstrap", "other code"},
		{"a nested template", "infra/identity.yaml", "Resources: {}"},
	} {
		write(change.file, change.text)
		next, err := deploy("dev")
		if err != nil || next[strings.Index(next, "Revision="):] == first[strings.Index(first, "Revision="):] {
			t.Errorf("%s changed: got %v and the revision of before: %s", change.name, err, next)
		}
		first = next
	}
	write("samconfig.toml", "[dev.deploy.parameters]\nparameter_overrides = 'Stage=dev Version=1.4.0 AllowedOrigins=\"https://a.example https://b.example\"'\n")
	if said, err := deploy("dev"); err != nil || !strings.Contains(said, "\nStage=dev\nVersion=1.4.0\nAllowedOrigins=https://a.example https://b.example\nRevision=") {
		t.Errorf("settings in one string: got %v and %q", err, said)
	}
	if said, err := deploy("prod"); err == nil || !strings.Contains(said, "no stage prod") {
		t.Errorf("a stage that is not there: got %v and %q", err, said)
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

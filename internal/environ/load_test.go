package environ_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"portcullis/internal/environ"
)

// loads is set in the process that a test starts to see Load end it.
const loads = "ENVIRON_TEST_LOADS"

func TestMain(m *testing.M) {
	if os.Getenv(loads) != "" {
		environ.Load[config]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestLoadEndsAProcessThatIsNotConfigured(t *testing.T) {
	status, told := load(t, map[string]string{"PORTCULLIS_STAGE": "prod"})
	if status != 1 || strings.Count(told, "\n") != 1 || !strings.Contains(told, "AWS_REGION is missing") {
		t.Errorf("status %d, %q; want 1 and one line that names AWS_REGION", status, told)
	}
}

func TestLoadSaysNothingWhenAllIsThere(t *testing.T) {
	if status, told := load(t, complete()); status != 0 || told != "" {
		t.Errorf("status %d, %q; want 0 and nothing", status, told)
	}
}

// load starts this test's binary again with the variables alone.
func load(t *testing.T, variables map[string]string) (status int, told string) {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env, command.Stderr = append(list(variables), loads+"=1"), &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), stderr.String()
}

// A mistake in a tag shows at once, whatever the environment holds.
func TestAMistakeInAConfigurationPanics(t *testing.T) {
	for name, parse := range map[string]func(){
		"a rule that there is none of": func() {
			_, _ = environ.Parse[struct {
				A string `env:"A,requird"`
			}](nil)
		},
		"a type that is no text": func() {
			_, _ = environ.Parse[struct {
				A int `env:"A"`
			}](nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it is taken")
				}
			}()
			parse()
		})
	}
}

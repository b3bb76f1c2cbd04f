package launch_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/launch"
)

// acts says that this program is to act as infra/local, and how.
const acts = "LAUNCH_TEST_ACTS"

func TestMain(m *testing.M) {
	switch os.Getenv(acts) {
	case "":
		os.Exit(m.Run())
	case "mute":
		os.Exit(1)
	}
	fmt.Printf(`{"addr":"127.0.0.1:1234","users":[{"client":"demo","username":"root","role":"Sysadmin","password":%q}]}`+"\n",
		strings.Join(os.Args[1:], " "))
	fmt.Println(strings.Repeat("more than a pipe holds\n", 10_000))
}

func itself(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func TestAServerTellsWhereItIsAndWhoMayLogIn(t *testing.T) {
	server, err := launch.Local(itself(t), []string{acts + "=talks"}, "-data", "x")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop(0)
	want := []launch.Person{{Client: "demo", Username: "root", Role: "Sysadmin", Password: "-addr 127.0.0.1:0 -json -log off -data x"}}
	if diff := cmp.Diff(want, server.People); diff != "" || server.Base != "http://127.0.0.1:1234" || server.PID == 0 {
		t.Errorf("got %s, process %d, people (-want +got):\n%s", server.Base, server.PID, diff)
	}
	select {
	case <-server.Ended(): // it has printed everything, so somebody went on reading
	case <-time.After(time.Minute):
		t.Error("it has not ended")
	}
}

func TestAServerThatDoesNotStartIsAnError(t *testing.T) {
	for name, program := range map[string]string{"it ends": itself(t), "it is not there": "/nowhere/local"} {
		if _, err := launch.Local(program, []string{acts + "=mute"}); err == nil || !strings.Contains(err.Error(), program) {
			t.Errorf("%s: got error %v, want one that names the program", name, err)
		}
	}
}

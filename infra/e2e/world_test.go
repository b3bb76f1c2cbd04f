// Package e2e_test drives Portcullis as a portal would, over HTTP, in both of
// its worlds: the embedded default that `make run` starts, and the compiled
// Lambda functions on DynamoDB, SSM and Cognito interfaces. Every test runs in
// both unless it says why not.
package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portcullis/infra/contract"
)

// How long the server may take to start and to stop. Both are generous: these
// are hang detectors, not speed limits.
const (
	startTime = 60 * time.Second
	stopTime  = 30 * time.Second
)

// functionProcesses is how many processes of one function share the work.
const functionProcesses = 8

// functions is the folder of the compiled functions: that of make functions, or
// SAM's.
var functions = flag.String("functions", "../../.build/functions", "`folder` of the compiled functions")

// samAPI is where infra/samlocal serves. With it, a test of both worlds runs in a
// third one and in no other: under the SAM CLI's emulation.
var samAPI = flag.String("sam", "", "run against the API at this `address`, which infra/samlocal serves")

// server is the path of the compiled infra/local, made once by TestMain.
var server string

// api is the contract that every exchange of these tests is held against.
var api = contract.MustLoad()

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "portcullis-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	server = filepath.Join(dir, "local")
	build := exec.Command("go", "build", "-o", server, "../local")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building infra/local: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A person is somebody the server printed at its start.
type person struct {
	Client   string `json:"client"`
	Username string `json:"username"`
	Password string `json:"password"`
	Role     string `json:"role"`
}

// A world is a running server.
type world struct {
	base    string
	people  []person
	process *exec.Cmd
	stderr  *bytes.Buffer
	client  *http.Client
}

// inBothWorlds runs a test against a server of each kind.
func inBothWorlds(t *testing.T, test func(t *testing.T, w *world)) {
	if *samAPI != "" {
		t.Run("sam", func(t *testing.T) { test(t, joinSAM(t)) })
		return
	}
	t.Run("embedded", func(t *testing.T) { test(t, startEmbedded(t)) })
	t.Run("functions", func(t *testing.T) { test(t, startFunctions(t)) })
}

func startEmbedded(t *testing.T, flags ...string) *world {
	return start(t, append([]string{"-ephemeral"}, flags...)...)
}

// startFunctions needs `make functions` and the variables that infra/ministack
// sets; `make test` sees to both.
func startFunctions(t *testing.T, flags ...string) *world {
	t.Helper()
	if os.Getenv("AWS_ENDPOINT_URL") == "" {
		t.Fatal("AWS_ENDPOINT_URL is not set: run `make test`, which starts MiniStack")
	}
	return start(t, append([]string{"-functions", *functions, "-processes", strconv.Itoa(functionProcesses)}, flags...)...)
}

func start(t *testing.T, flags ...string) *world {
	t.Helper()
	return startIn(t, nil, flags...)
}

// startIn starts a server that is told more of its environment than this process
// is.
func startIn(t *testing.T, environment []string, flags ...string) *world {
	t.Helper()
	w := &world{stderr: new(bytes.Buffer)}
	checked := api.Transport(&http.Transport{MaxIdleConnsPerHost: 2000}, func(wrong error) { t.Error(wrong) })
	w.client = &http.Client{Timeout: time.Minute, Transport: checked}
	w.process = exec.Command(server, append([]string{"-addr", "127.0.0.1:0", "-json"}, flags...)...)
	w.process.Env = append(os.Environ(), environment...)
	w.process.Stderr = w.stderr
	dieWithParent(w.process)
	stdout, err := w.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.stop(t)
		if t.Failed() {
			t.Logf("the server's log ends with:\n%s", lastLines(w.stderr.String(), 20))
		}
	})
	w.readGreeting(t, stdout)
	return w
}

// joinSAM makes a client of its own for a test, by the compiled functions on the
// same stores.
func joinSAM(t *testing.T) *world {
	t.Helper()
	seed := exec.Command(server, "-functions", *functions, "-seed", "-json")
	greeting, err := seed.Output()
	if err != nil {
		t.Fatal(err)
	}
	checked := api.Transport(fromSAM{http.DefaultTransport}, func(wrong error) { t.Error(wrong) })
	w := &world{client: &http.Client{Timeout: time.Minute, Transport: checked}}
	var made struct{ Users []person }
	if err := json.Unmarshal(greeting, &made); err != nil {
		t.Fatalf("%v: %s", err, greeting)
	}
	w.base, w.people = *samAPI, made.Users
	return w
}

// fromSAM takes off what SAM adds to a function's answer and API Gateway does not:
// the name of its server, and a type for a body that is not there.
type fromSAM struct{ http.RoundTripper }

func (s fromSAM) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := s.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Header.Del("Server")
	if response.StatusCode == http.StatusNoContent {
		response.Header.Del("Content-Type")
	}
	return response, nil
}

// readGreeting reads the line of JSON that the server prints first, and keeps
// reading so that the server never blocks on a full pipe.
func (w *world) readGreeting(t *testing.T, stdout io.Reader) {
	t.Helper()
	lines := make(chan []byte, 1)
	go func() {
		r := bufio.NewReader(stdout)
		line, _ := r.ReadBytes('\n')
		lines <- line
		_, _ = io.Copy(io.Discard, r)
	}()
	var greeting struct {
		Addr  string   `json:"addr"`
		Users []person `json:"users"`
	}
	select {
	case line := <-lines:
		if err := json.Unmarshal(line, &greeting); err != nil {
			t.Fatalf("the server's first line is %q: %v", line, err)
		}
	case <-time.After(startTime):
		t.Fatal("the server said nothing")
	}
	w.base, w.people = "http://"+greeting.Addr, greeting.Users
}

// stop ends the server as Ctrl-C would, and fails the test if it does not end
// cleanly. A server that was killed on purpose is left alone.
func (w *world) stop(t *testing.T) {
	if w.process.ProcessState != nil {
		return
	}
	_ = w.process.Process.Signal(os.Interrupt)
	done := make(chan error, 1)
	go func() { done <- w.process.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the server ended with %v:\n%s", err, w.stderr)
		}
	case <-time.After(stopTime):
		_ = w.process.Process.Kill()
		<-done
		t.Error("the server did not stop within", stopTime)
	}
}

// kill ends the server as a power cut would.
func (w *world) kill(t *testing.T) {
	t.Helper()
	if err := w.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = w.process.Wait()
}

// with returns the first person of a role.
func (w *world) with(t *testing.T, role string) person {
	t.Helper()
	for _, p := range w.people {
		if p.Role == role {
			return p
		}
	}
	t.Fatalf("the server made no %s: %+v", role, w.people)
	return person{}
}

// An answer is what the server said.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.raw) }

// call sends one request, with a token and a body where given.
func (w *world) call(t *testing.T, method, path, token string, body any) answer {
	t.Helper()
	a, err := w.try(method, path, token, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (w *world) try(method, path, token string, body any) (answer, error) {
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		payload = bytes.NewReader(encoded)
	}
	r, err := http.NewRequest(method, w.base+path, payload)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return w.do(r)
}

func (w *world) do(r *http.Request) (answer, error) {
	response, err := w.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.raw, err = io.ReadAll(response.Body); err != nil {
		return answer{}, err
	}
	if strings.HasSuffix(a.header.Get("Content-Type"), "json") {
		err = json.Unmarshal(a.raw, &a.body)
	}
	return a, err
}

// login tries a password of a person.
func (w *world) login(t *testing.T, p person, password string) answer {
	t.Helper()
	return w.call(t, "POST", "/login", "", loginBody(p, password))
}

func loginBody(p person, password string) map[string]string {
	return map[string]string{"client": p.Client, "username": p.Username, "password": password}
}

// token logs a person in and returns their access token.
func (w *world) token(t *testing.T, p person) string {
	t.Helper()
	a := w.login(t, p, p.Password)
	if a.status != http.StatusOK {
		t.Fatalf("logging %s in: got %s, want 200", p.Username, a)
	}
	return a.body["access_token"].(string)
}

// unlock clears a person's lock and count, as the Sysadmin.
func (w *world) unlock(t *testing.T, p person) answer {
	t.Helper()
	a := w.call(t, "POST", userPath(p)+"/unlock", w.token(t, w.with(t, "Sysadmin")), nil)
	if a.status != http.StatusOK {
		t.Fatalf("unlocking %s: got %s, want 200", p.Username, a)
	}
	return a
}

// setMaximum sets the client's maximum, as the Sysadmin.
func (w *world) setMaximum(t *testing.T, client string, maximum int) {
	t.Helper()
	a := w.call(t, "PUT", "/clients/"+client+"/policy", w.token(t, w.with(t, "Sysadmin")),
		map[string]any{"max_failed_login_attempts_portal": maximum})
	if a.status != http.StatusOK {
		t.Fatalf("setting the maximum: got %s, want 200", a)
	}
}

// user reads a person as the Sysadmin sees them.
func (w *world) user(t *testing.T, p person) map[string]any {
	t.Helper()
	a := w.call(t, "GET", userPath(p), w.token(t, w.with(t, "Sysadmin")), nil)
	if a.status != http.StatusOK {
		t.Fatalf("reading %s: got %s, want 200", p.Username, a)
	}
	return a.body
}

func userPath(p person) string { return "/clients/" + p.Client + "/users/" + p.Username }

// burst sends n logins at once, the i-th with the password that password(i)
// gives, and returns the statuses in that order. A request that got no answer
// has status 0.
func (w *world) burst(n int, p person, password func(i int) string) []int {
	return w.burstTelling(n, p, password, make(chan struct{}, n))
}

// burstTelling is burst that also tells of each answer as it comes; the channel
// has room for all of them.
func (w *world) burstTelling(n int, p person, password func(i int) string, answered chan<- struct{}) []int {
	statuses := make([]int, n)
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-gate
			if a, err := w.try("POST", "/login", "", loginBody(p, password(i))); err == nil {
				statuses[i] = a.status
				answered <- struct{}{}
			}
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
	return statuses
}

func tally(statuses []int) map[int]int {
	counts := make(map[int]int)
	for _, s := range statuses {
		counts[s]++
	}
	return counts
}

var wrongPasswords atomic.Int64

// wrong returns a password that is nobody's.
func wrong(int) string { return fmt.Sprintf("guess-%d-0000", wrongPasswords.Add(1)) }

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

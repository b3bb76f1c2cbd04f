package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// A served is a server that runs in this process.
type served struct {
	base   string
	people map[access.Role]person
	log    *bytes.Buffer // complete once stopped
	stop   func() error  // as SIGINT does; may be called again
}

// serveFor starts a server with flags of its own; it is stopped with the test.
func serveFor(t *testing.T, flags ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	in, out := io.Pipe()
	s := &served{people: make(map[access.Role]person), log: new(bytes.Buffer)}
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0", "-json"}, flags...), out, s.log)
		_ = out.CloseWithError(errors.Join(io.EOF, err))
		ended <- err
	}()
	s.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	s.read(t, in)
	return s
}

// read reads the greeting.
func (s *served) read(t *testing.T, in io.Reader) {
	t.Helper()
	line, err := bufio.NewReader(in).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var greeting struct {
		Addr  string
		Users []person
	}
	if err := json.Unmarshal(line, &greeting); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	s.base = "http://" + greeting.Addr
	for _, p := range greeting.Users {
		s.people[p.Role] = p
	}
}

// An answered is what the server said.
type answered struct {
	Status    int
	Remaining int    `json:"attempts_remaining"`
	Token     string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	Failed    int    `json:"failed_attempts"`
	Evidence  []any
}

func (s *served) call(t *testing.T, method, path, token, body string) answered {
	t.Helper()
	request, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := observed(t).Do(request)
	if err != nil {
		t.Error(err)
		return answered{}
	}
	defer response.Body.Close()
	a := answered{Status: response.StatusCode}
	if a.Status == http.StatusNoContent {
		return a
	}
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	return a
}

func (s *served) login(t *testing.T, role access.Role, password string) answered {
	t.Helper()
	body := fmt.Sprintf(`{"client": "demo", "username": %q, "password": %q}`, s.people[role].Username, password)
	return s.call(t, "POST", "/login", "", body)
}

// right logs a user in with the password of the greeting.
func (s *served) right(t *testing.T, role access.Role) answered {
	t.Helper()
	return s.login(t, role, s.people[role].Password)
}

// wrongUntilLocked spends a fresh budget of the Manager.
func (s *served) wrongUntilLocked(t *testing.T, maximum int) {
	t.Helper()
	for left := maximum - 1; left >= 1; left-- {
		if a := s.login(t, access.Manager, "wrong"); a.Status != 401 || a.Remaining != left {
			t.Fatalf("got %+v, want 401 with %d left", a, left)
		}
	}
	if a := s.login(t, access.Manager, "wrong"); a.Status != 423 {
		t.Fatalf("got %+v for the last failure, want 423", a)
	}
}

const anaPath = "/clients/demo/users/ana.silva"

func TestASessionGoesOnUntilALockOrALogout(t *testing.T) {
	s := serveFor(t, "-ephemeral")
	session := fmt.Sprintf(`{"refresh_token": %q}`, s.right(t, access.Manager).Refresh)
	renew := func(want int) {
		t.Helper()
		if a := s.call(t, "POST", "/token", "", session); a.Status != want || (a.Token != "") != (want == 200) || a.Refresh != "" {
			t.Errorf("a renewal: got %d, want %d", a.Status, want)
		}
	}
	renew(200)
	s.wrongUntilLocked(t, lockout.DefaultMaximum)
	renew(423)
	root := s.right(t, access.Sysadmin).Token
	if a := s.call(t, "POST", "/clients/demo/unlocks", root, `{"usernames": ["ana.silva"]}`); a.Status != 200 {
		t.Errorf("a bulk unlock: got %+v", a)
	}
	renew(200)
	for range 2 {
		if a := s.call(t, "POST", "/logout", "", session); a.Status != 204 {
			t.Errorf("a logout: got %+v", a)
		}
		renew(401)
	}
}

// TestPeopleComeAndGo has a Sysadmin do all that the API has for a user, and
// the user notice.
func TestPeopleComeAndGo(t *testing.T) {
	s := serveFor(t, "-ephemeral")
	root := s.right(t, access.Sysadmin).Token
	call := func(want int, method, path, token, body string) answered {
		t.Helper()
		a := s.call(t, method, path, token, body)
		if a.Status != want {
			t.Errorf("%s %s: got %+v, want %d", method, path, a, want)
		}
		return a
	}
	const (
		zoePath  = "/clients/demo/users/zo%C3%AB"
		asZoe    = `{"client": "demo", "username": "zo\u00eb", "password": %q}`
		newcomer = `{"username": "zoe\u0308", "role": "Manager", "password": "first pass 1"}`
	)
	call(201, "POST", "/clients/demo/users", root, newcomer)
	call(409, "POST", "/clients/demo/users", root, newcomer)
	first := call(200, "POST", "/login", "", fmt.Sprintf(asZoe, "first pass 1"))
	call(200, "POST", "/token", "", fmt.Sprintf(`{"refresh_token": %q}`, first.Refresh))
	call(204, "PUT", zoePath+"/password", root, `{"password": "second pass 2"}`)
	call(401, "POST", "/token", "", fmt.Sprintf(`{"refresh_token": %q}`, first.Refresh))
	call(401, "POST", "/login", "", fmt.Sprintf(asZoe, "first pass 1"))
	second := call(200, "POST", "/login", "", fmt.Sprintf(asZoe, "second pass 2"))
	call(200, "PUT", zoePath, root, `{"role": "ITUser", "name": "Zo\u00eb"}`)
	call(401, "POST", "/token", "", fmt.Sprintf(`{"refresh_token": %q}`, second.Refresh))
	call(204, "DELETE", zoePath, root, "")
	call(404, "DELETE", zoePath, root, "")
	call(401, "POST", "/login", "", fmt.Sprintf(asZoe, "second pass 2"))
	call(409, "DELETE", "/clients/demo/users/"+s.people[access.Sysadmin].Username, root, "")
}

func TestTheLockAndTheWayOut(t *testing.T) {
	s := serveFor(t, "-ephemeral")
	s.wrongUntilLocked(t, lockout.DefaultMaximum)
	if a := s.right(t, access.Manager); a.Status != 423 {
		t.Errorf("the right password of a locked user: got %+v, want 423", a)
	}
	admin := s.right(t, access.Sysadmin).Token
	if a := s.call(t, "POST", anaPath+"/unlock", s.right(t, access.Superuser).Token, ""); a.Status != 403 {
		t.Errorf("unlocking as a Superuser: got %+v, want 403", a)
	}
	if a := s.call(t, "POST", anaPath+"/unlock", admin, ""); a.Status != 200 || a.Failed != lockout.DefaultMaximum {
		t.Errorf("unlocking as the Sysadmin: got %+v, want 200 and 5 failures", a)
	}
	s.wrongUntilLocked(t, lockout.DefaultMaximum)
}

func TestAThousandWrongLoginsAtOnceCompareFive(t *testing.T) {
	s := serveFor(t, "-ephemeral", "-log", "info")
	statuses := make([]int, 1000)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i] = s.login(t, access.Manager, "wrong").Status })
	}
	all.Wait()
	counts := make(map[int]int)
	for _, status := range statuses {
		counts[status]++
	}
	if counts[401] != 4 || counts[401]+counts[423]+counts[429] != len(statuses) {
		t.Errorf("got %v, want four 401 and the rest 423 or 429", counts)
	}
	if a := s.right(t, access.Manager); a.Status != 423 {
		t.Errorf("the right password: got %+v, want 423", a)
	}
	if ana := s.call(t, "GET", anaPath, s.right(t, access.Sysadmin).Token, ""); len(ana.Evidence) != 5 || ana.Failed != 5 {
		t.Errorf("got %+v, want five failures with evidence", ana)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(s.log.String(), `"msg":"authn_login_lock"`); n != 1 {
		t.Errorf("the log tells of %d locks, want 1", n)
	}
}

func TestTheDataOutlivesTheServerAndThePasswordsAreShownOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first := serveFor(t, "-data", dir, "-max-attempts", "2")
	first.wrongUntilLocked(t, 2)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := serveFor(t, "-data", dir)
	if got := second.people[access.Manager]; got.Username != "ana.silva" || got.Password != "" {
		t.Errorf("got %+v, want ana.silva without a password", got)
	}
	if len(second.people) != len(first.people) || first.people[access.Manager].Password == "" {
		t.Errorf("got %v, then %v", first.people, second.people)
	}
	second.people = first.people
	if a := second.right(t, access.Manager); a.Status != 423 {
		t.Errorf("got %+v, want 423 still", a)
	}
}

func TestAPageOfAnAllowedOriginMayReadEveryAnswer(t *testing.T) {
	const portal, intranet = "http://localhost:3000", "https://intranet.example"
	s := serveFor(t, "-ephemeral", "-allow-origin", portal, "-allow-origin", "https://www.example,"+intranet)
	for _, test := range []struct {
		method, path, origin string
		status               int
		shared               string
	}{
		{"OPTIONS", "/login", portal, 204, portal},
		{"OPTIONS", "/login", "https://evil.example", 204, ""},
		{"OPTIONS", "/clients/demo/policy", intranet, 204, intranet},
		{"POST", "/login", portal, 400, portal},
		{"GET", "/health", portal, 200, portal},
		{"GET", "/health", "null", 200, ""},
		{"GET", "/clients/demo/policy", portal, 401, portal},
		{"GET", "/nowhere", portal, 404, portal},
	} {
		response, _ := send(t, test.method, s.base+test.path, http.Header{"Origin": {test.origin}, "Content-Type": {"application/json"}}, "")
		if got := response.Header.Get("Access-Control-Allow-Origin"); response.StatusCode != test.status || got != test.shared {
			t.Errorf("%s %s from %s: got %d shared with %q, want %d with %q", test.method, test.path, test.origin,
				response.StatusCode, got, test.status, test.shared)
		}
	}
}

func TestTheExamplesAreServedBesideTheAPI(t *testing.T) {
	s := serveFor(t, "-ephemeral")
	for path, want := range map[string]struct {
		status int
		kind   string
	}{
		"/examples/portal-login.html":  {200, "text/html; charset=utf-8"},
		"/examples/":                   {200, "text/html; charset=utf-8"}, // after a redirect
		"/examples/nothing":            {404, "text/plain; charset=utf-8"},
		"/examples":                    {404, "application/problem+json"},
		"//examples/portal-login.html": {404, "application/problem+json"},
	} {
		response, _ := send(t, "GET", s.base+path, nil, "")
		h := response.Header
		if response.StatusCode != want.status || h.Get("Content-Type") != want.kind || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got %d %v, want %d %s", path, response.StatusCode, h, want.status, want.kind)
		}
	}
}

func TestAnEphemeralFolderIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := serveFor(t, "-ephemeral")
	left := func() int {
		entries, err := os.ReadDir(os.Getenv("TMPDIR"))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if got := left(); got != 1 {
		t.Errorf("got %d folders while it runs, want 1", got)
	}
	if err := s.stop(); err != nil || left() != 0 {
		t.Errorf("got %d folders after the end and %v, want none", left(), err)
	}
}

func TestStartingIsRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := filepath.Join(t.TempDir(), "data")
	serveFor(t, "-data", dir)
	functions := t.TempDir()
	put(t, functions, authorizerFunction, 0o755)
	put(t, functions, provisionFunction, 0o755)
	for _, route := range slices.Concat(access.Routes(), access.ConsoleRoutes()) {
		put(t, functions, route.Function, 0o755)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_REGION", "")
	const free = "-addr=127.0.0.1:0"
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"on a port that is taken", []string{"-ephemeral", "-addr", taken.Addr().String()}, "-addr"},
		{"on an address that is none", []string{"-ephemeral", "-addr", "nowhere"}, "-addr"},
		{"on a port without an address", []string{"-addr", "8481"}, "HOST:PORT"},
		{"on an address without a port", []string{"-addr", "127.0.0.1:"}, "HOST:PORT"},
		{"on no address", []string{"-addr", ""}, "HOST:PORT"},
		{"on a port that is taken, with a way out", []string{"-ephemeral", "-addr", taken.Addr().String()}, "-addr 127.0.0.1:0"},
		{"on a folder without a name", []string{"-data", ""}, "-data"},
		{"on a data folder that is a file", []string{free, "-data", file}, "is a file, not a folder"},
		{"with functions of no folder", []string{"-functions", ""}, "-functions"},
		{"with functions that are missing", []string{free, "-functions", "/nope"}, "-functions /nope is not a folder"},
		{"with an unknown flag", []string{"-loud"}, "-loud (-help lists the flags)"},
		{"on a data folder in use", []string{free, "-data", dir}, "-data"},
		{"with a maximum of none", []string{"-max-attempts", "0"}, "-max-attempts"},
		{"with a maximum of ten", []string{"-max-attempts", "10"}, "-max-attempts"},
		{"with an unknown level", []string{"-log", "loud"}, "-log"},
		{"with a level and an offset", []string{"-log", "info+1"}, "-log"},
		{"with no processes", []string{"-functions", dir, "-processes", "0"}, "-processes"},
		{"with users for the embedded store", []string{"-seed"}, "-functions"},
		{"with a timeout of nothing", []string{"-timeout", "5s"}, "-functions"},
		{"with cold starts of nothing", []string{"-cold"}, "-functions"},
		{"with a timeout too short to clean up in", []string{"-functions", dir, "-timeout", "2s"}, "-timeout"},
		{"with a timeout longer than the gateway's", []string{"-functions", dir, "-timeout", "29s"}, "-timeout"},
		{"with processes of nothing", []string{"-processes", "2"}, "-functions"},
		{"with a folder for other stores", []string{"-functions", dir, "-data", dir}, "-data"},
		{"with a folder that is ephemeral", []string{"-ephemeral", "-data", dir}, "-ephemeral"},
		{"with functions and no environment", []string{free, "-functions", functions}, "make run-functions sets: "},
		{"with functions and no region", []string{free, "-functions", functions}, "AWS_REGION"},
		{"with every origin", []string{"-allow-origin", "*"}, "-allow-origin: must be origins such as"},
		{"with an origin and a path", []string{"-allow-origin", "http://localhost:3000/"}, "-allow-origin"},
		{"with an origin in plain text elsewhere", []string{"-allow-origin", "https://a.example,http://a.example"},
			"plain http is for localhost and 127.0.0.1 alone"},
		{"with an argument", []string{"serve"}, `"serve"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var said bytes.Buffer
			err := run(context.Background(), test.args, io.Discard, &said)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %s", err, test.want)
			}
			if said.Len() > 0 {
				t.Errorf("it also said %q", said.String())
			}
		})
	}
}

func TestOnlyLoopbackAddressesAreNotWarnedOf(t *testing.T) {
	for address, warned := range map[string]bool{
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "0.0.0.0": true, "::": true, "192.0.2.1": true,
	} {
		if got := exposure(&net.TCPAddr{IP: net.ParseIP(address)}); (got != "") != warned {
			t.Errorf("%s: got %q, want a warning: %t", address, got, warned)
		}
	}
}

func TestEveryRouteHasAHandler(t *testing.T) {
	s := settings{ephemeral: true}
	w, err := s.openEmbedded(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}()
	open := map[string]int{"GET": http.StatusOK, "POST": http.StatusUnsupportedMediaType, access.Preflight: http.StatusNoContent}
	got, want := make(map[string]int), make(map[string]int)
	for _, route := range access.Routes() {
		name := route.Method + " " + route.Path
		event := events.APIGatewayProxyRequest{
			HTTPMethod: route.Method, Resource: route.Path,
			PathParameters: map[string]string{"client": "demo", "username": "ana.silva"},
		}
		answer, err := w.backend.Handle(context.Background(), route, event)
		if err := errors.Join(err, api.CheckEvent(event, answer)); err != nil {
			t.Error(err)
		}
		got[name], want[name] = answer.StatusCode, http.StatusUnauthorized
		if route.Action == access.Anybody {
			want[name] = open[route.Method]
		}
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("statuses without a caller: got -, want +:\n%s", diff)
	}
}

func TestTheConsoleIsServedCompressed(t *testing.T) {
	s := serveFor(t, "-ephemeral")
	for _, start := range []string{"/console", "/console/"} {
		page, err := http.Get(s.base + start) // net/http asks for gzip by itself, and follows
		if err != nil {
			t.Fatal(err)
		}
		defer page.Body.Close()
		if page.StatusCode != http.StatusOK || page.Request.URL.Path != "/console/index.html" ||
			!strings.HasPrefix(page.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: got %d at %s with the policy %q", start, page.StatusCode, page.Request.URL.Path, page.Header.Get("Content-Security-Policy"))
		}
		text, err := io.ReadAll(page.Body)
		if err != nil {
			t.Fatal(err)
		}
		script := regexp.MustCompile(`src="([^"]+)"`).FindStringSubmatch(string(text))
		if script == nil {
			t.Fatalf("the page has no script: %s", text)
		}
		module, err := http.Get(s.base + "/console/" + script[1])
		if err != nil {
			t.Fatal(err)
		}
		defer module.Body.Close()
		if module.StatusCode != http.StatusOK || !module.Uncompressed {
			t.Errorf("%s: got %d, compressed %v; want 200, compressed", script[1], module.StatusCode, module.Uncompressed)
		}
	}
}

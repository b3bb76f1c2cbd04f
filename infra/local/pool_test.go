package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"portcullis/infra/bootstrap"
)

// testFunction makes the test binary a Lambda function, one that fails to start,
// or the server.
const testFunction = "PORTCULLIS_TEST_FUNCTION"

func TestMain(m *testing.M) {
	switch os.Getenv(testFunction) {
	case "works":
		lambda.Start(function)
	case "is the server":
		main()
		os.Exit(0)
	case "cannot start":
		const path = "/2018-06-01/runtime/init/error"
		_, _ = http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+path, "application/json",
			strings.NewReader(`{"errorMessage": "PORTCULLIS_STAGE is missing"}`))
		os.Exit(1)
	}
	os.Exit(api.Main(m, gatewayGives))
}

// An order tells the function what to do: fail with a text, end, or fetch an
// address before it answers.
type order struct{ Fail, End, Fetch string }

// A receipt is what the function answers.
type receipt struct {
	Process  int
	Request  string
	ARN      string
	LastedBy time.Duration // until the deadline
	Origins  string        // as the environment has them
}

func function(ctx context.Context, o order) (receipt, error) {
	switch {
	case o.Fail != "":
		return receipt{}, errors.New(o.Fail)
	case o.End != "":
		os.Exit(3)
	case o.Fetch != "":
		if _, err := http.Get(o.Fetch); err != nil {
			return receipt{}, err
		}
	}
	meta, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return receipt{os.Getpid(), meta.AwsRequestID, meta.InvokedFunctionArn, time.Until(deadline), os.Getenv("PORTCULLIS_ALLOWED_ORIGINS")}, nil
}

// longTime is more than any function of these tests takes.
const longTime = time.Minute

// newTestPool returns a pool of processes that are this test binary.
func newTestPool(t *testing.T, processes int, timeout time.Duration) *pool {
	t.Helper()
	t.Setenv(testFunction, "works")
	f := newPool("greeter", os.Args[0], processes, timeout, io.Discard)
	t.Cleanup(f.stop)
	return f
}

func invoke(f *pool, o order) (receipt, error) {
	payload, err := json.Marshal(o)
	if err != nil {
		return receipt{}, err
	}
	text, err := f.invoke(context.Background(), payload)
	if err != nil {
		return receipt{}, err
	}
	var r receipt
	return r, json.Unmarshal(text, &r)
}

func mustInvoke(t *testing.T, f *pool, o order) receipt {
	t.Helper()
	r, err := invoke(f, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAFunctionIsToldWhatLambdaTells(t *testing.T) {
	f := newTestPool(t, 2, longTime)
	first, second := mustInvoke(t, f, order{}), mustInvoke(t, f, order{})
	if first.Process == os.Getpid() || first.Process != second.Process {
		t.Errorf("got processes %d and %d, want one other than this", first.Process, second.Process)
	}
	if first.Request == "" || first.Request == second.Request {
		t.Errorf("got request ids %q and %q, want two", first.Request, second.Request)
	}
	if first.ARN != "arn:aws:lambda:local:000000000000:function:greeter" {
		t.Errorf("got ARN %q", first.ARN)
	}
	if first.LastedBy <= 0 || first.LastedBy > longTime {
		t.Errorf("got %v until the deadline, want up to %v", first.LastedBy, longTime)
	}
}

func TestAFunctionsErrorIsItsOwnAndItGoesOn(t *testing.T) {
	f := newTestPool(t, 1, longTime)
	before := mustInvoke(t, f, order{})
	_, err := invoke(f, order{Fail: "Unauthorized"})
	if own := (*bootstrap.Error)(nil); !errors.As(err, &own) || err.Error() != "Unauthorized" {
		t.Errorf("got %v, want the function's own Unauthorized", err)
	}
	if after := mustInvoke(t, f, order{}); after.Process != before.Process {
		t.Errorf("got process %d after the error, want %d again", after.Process, before.Process)
	}
}

func TestAProcessThatEndsIsReplaced(t *testing.T) {
	f := newTestPool(t, 1, longTime)
	before := mustInvoke(t, f, order{})
	if _, err := invoke(f, order{End: "now"}); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v, want how the process ended", err)
	}
	middle := mustInvoke(t, f, order{})
	if err := syscall.Kill(middle.Process, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	f.awaitEnd(middle.Process)
	if after := mustInvoke(t, f, order{}); after.Process == middle.Process || middle.Process == before.Process {
		t.Errorf("got processes %d, %d and %d, want three", before.Process, middle.Process, after.Process)
	}
}

func TestAColdPoolStartsAProcessForEachEvent(t *testing.T) {
	f := newTestPool(t, 1, longTime)
	f.cold = true
	first := mustInvoke(t, f, order{})
	if _, err := invoke(f, order{Fail: "Unauthorized"}); err == nil || err.Error() != "Unauthorized" {
		t.Errorf("got %v, want the function's own Unauthorized", err)
	}
	if second := mustInvoke(t, f, order{}); second.Process == first.Process {
		t.Errorf("got process %d twice", first.Process)
	}
}

// awaitEnd waits until the pool has seen a process end.
func (f *pool) awaitEnd(pid int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.live {
		if p.PID() == pid {
			<-p.Ended()
		}
	}
}

func TestAFunctionThatTakesTooLongIsEnded(t *testing.T) {
	never := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-never }))
	defer slow.Close()
	defer close(never)
	f := newTestPool(t, 1, longTime)
	before := mustInvoke(t, f, order{})
	f.timeout = time.Millisecond
	if _, err := invoke(f, order{Fetch: slow.URL}); !errors.Is(err, bootstrap.ErrTimedOut) {
		t.Errorf("got %v, want %v", err, bootstrap.ErrTimedOut)
	}
	f.timeout = longTime
	if after := mustInvoke(t, f, order{}); after.Process == before.Process {
		t.Error("the process that took too long is still there")
	}
}

func TestProcessesShareTheWorkOneRequestEach(t *testing.T) {
	const processes, requests = 3, 9
	f := newTestPool(t, processes, longTime)
	var together sync.WaitGroup
	together.Add(processes)
	var mu sync.Mutex
	arrived, under, most := 0, 0, 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		under++
		most = max(most, under)
		if arrived++; arrived <= processes {
			together.Done()
		}
		mu.Unlock()
		together.Wait() // until all processes are at work
		mu.Lock()
		under--
		mu.Unlock()
	}))
	defer server.Close()
	var all sync.WaitGroup
	var pids sync.Map
	for range requests {
		all.Go(func() {
			r, err := invoke(f, order{Fetch: server.URL})
			if err != nil {
				t.Error(err)
			}
			pids.Store(r.Process, true)
		})
	}
	all.Wait()
	distinct := 0
	pids.Range(func(any, any) bool { distinct++; return true })
	if most != processes || distinct != processes {
		t.Errorf("got %d requests at once in %d processes, want %d and %d", most, distinct, processes, processes)
	}
}

func TestARequestWaitsForAProcessUntilItsTimeIsUp(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	defer server.Close()
	f := newTestPool(t, 1, longTime)
	var busy sync.WaitGroup
	busy.Go(func() { _, _ = invoke(f, order{Fetch: server.URL}) })
	<-arrived
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.invoke(ctx, []byte("{}")); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "busy") {
		t.Errorf("got %v, want that every process is busy", err)
	}
	close(release)
	busy.Wait()
}

func TestAFunctionThatCannotStartSaysWhy(t *testing.T) {
	t.Setenv(testFunction, "cannot start")
	f := newPool("greeter", os.Args[0], 1, longTime, io.Discard)
	defer f.stop()
	const want = "function greeter did not start: PORTCULLIS_STAGE is missing"
	for range 2 {
		if _, err := invoke(f, order{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestStoppingEndsEveryProcess(t *testing.T) {
	f := newTestPool(t, 1, longTime)
	running := mustInvoke(t, f, order{})
	f.stop()
	if err := syscall.Kill(running.Process, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("got %v for process %d, want that there is none", err, running.Process)
	}
	if _, err := invoke(f, order{}); err == nil {
		t.Error("a pool that was stopped started another process")
	}
}

func TestEveryMissingFunctionIsNamed(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "login", 0o755)
	put(t, dir, "query", 0o644) // cannot be run
	_, err := newCompiled(dir, 1, io.Discard)
	for _, name := range []string{"authorizer", "provision-client", "query", "unlock-user", "update-policy"} {
		if err == nil || !strings.Contains(err.Error(), name+"/bootstrap") {
			t.Errorf("got %v, want it to name %s", err, name)
		}
	}
	if err != nil && strings.Contains(err.Error(), "login") {
		t.Errorf("got %v, which names a function that is there", err)
	}
}

// TestFunctionsAsSAMLeavesThem finds each in the folder of its logical id; one that
// lies under its own name goes before it.
func TestFunctionsAsSAMLeavesThem(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"RefreshTokenFunction", "LoginFunction", "login"} {
		put(t, dir, name, 0o755)
	}
	for name, want := range map[string]string{"refresh-token": "RefreshTokenFunction", "login": "login", "query": "query"} {
		if got := bootstrapOf(dir, name); got != filepath.Join(dir, want, "bootstrap") {
			t.Errorf("%s: got %s, want it in %s", name, got, want)
		}
	}
}

func put(t *testing.T, dir, function string, mode os.FileMode) {
	t.Helper()
	folder := filepath.Join(dir, function)
	if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, "bootstrap"), nil, mode)); err != nil {
		t.Fatal(err)
	}
}

func TestTheFunctionsAreToldOfTheFlagsOrigins(t *testing.T) {
	t.Setenv("PORTCULLIS_ALLOWED_ORIGINS", "https://of.the.environment")
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"of none, those of the environment": {nil, "https://of.the.environment"},
		"of two, those alone":               {[]string{"-allow-origin=https://a.example", "-allow-origin=https://b.example"}, "https://a.example,https://b.example"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parse(test.arguments, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			f := newTestPool(t, 1, longTime)
			f.environment = s.environment()
			answer, err := f.invoke(t.Context(), []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			var got receipt
			if err := json.Unmarshal(answer, &got); err != nil || got.Origins != test.want {
				t.Errorf("got %q, %v, want %q", got.Origins, err, test.want)
			}
		})
	}
}

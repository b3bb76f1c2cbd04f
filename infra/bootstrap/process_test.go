package bootstrap_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"portcullis/infra/bootstrap"
)

// testFunction makes the test binary a Lambda function, or one that fails to
// start.
const testFunction = "PORTCULLIS_TEST_FUNCTION"

// longTime is more than any function of these tests takes.
const longTime = time.Minute

func TestMain(m *testing.M) {
	switch os.Getenv(testFunction) {
	case "works":
		lambda.Start(answer)
	case "ends":
		fmt.Print("a line without an end")
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// answer fails with the text it is given, or tells what became of an answer to an
// invocation that there is not.
func answer(_ context.Context, text string) (string, error) {
	if text != "" {
		return "", errors.New(text)
	}
	path := "/2018-06-01/runtime/invocation/made-up/response"
	response, err := http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+path, "application/json", strings.NewReader("{}"))
	if err != nil {
		return "", err
	}
	return response.Status, response.Body.Close()
}

func start(t *testing.T, kind string, output io.Writer) *bootstrap.Process {
	t.Helper()
	p, err := bootstrap.Start(bootstrap.Program{
		Function: "greeter", Path: os.Args[0], Environment: []string{testFunction + "=" + kind}, Output: output,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func invoke(p *bootstrap.Process, text string) (answer string, err error) {
	payload, err := json.Marshal(text)
	if err != nil {
		return "", err
	}
	got, err := p.Invoke(context.Background(), payload, longTime)
	if err != nil {
		return "", err
	}
	return answer, json.Unmarshal(got, &answer)
}

// TestReadyIsWhenAProcessFirstAsksForWork: from then on the time does not change.
func TestReadyIsWhenAProcessFirstAsksForWork(t *testing.T) {
	before := time.Now()
	p := start(t, "works", io.Discard)
	first, err := p.Ready(t.Context())
	if most := time.Since(before); err != nil || first <= 0 || first > most {
		t.Errorf("got %v, %v; want up to %v", first, err, most)
	}
	if _, err := invoke(p, ""); err != nil {
		t.Fatal(err)
	}
	if second, err := p.Ready(t.Context()); second != first || err != nil {
		t.Errorf("got %v, %v after an event; want %v again", second, err, first)
	}
}

func TestAProcessThatNeverAsksIsNotReady(t *testing.T) {
	var out bytes.Buffer
	p := start(t, "ends", &out)
	if _, err := p.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "function greeter: exit status 3") {
		t.Errorf("got %v, want how it ended", err)
	}
	<-p.Ended()
	if got, want := out.String(), "a line without an end\n"; !p.HasEnded() || got != want {
		t.Errorf("ended %v, output %q; want %q", p.HasEnded(), got, want)
	}
}

func TestNobodyWaitsForAProcessBeyondTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := t.TempDir() + "/never"
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := bootstrap.Start(bootstrap.Program{Function: "greeter", Path: path, Output: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if _, err := p.Ready(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Ready: got %v, want %v", err, context.Canceled)
	}
	if _, err := p.Invoke(ctx, nil, longTime); !errors.Is(err, context.Canceled) {
		t.Errorf("Invoke: got %v, want %v", err, context.Canceled)
	}
}

func TestAFunctionsErrorIsItsOwn(t *testing.T) {
	p := start(t, "works", io.Discard)
	_, err := invoke(p, "Unauthorized")
	if own := (*bootstrap.Error)(nil); !errors.As(err, &own) || err.Error() != "Unauthorized" {
		t.Errorf("got %v, want the function's own Unauthorized", err)
	}
	if p.HasEnded() || syscall.Kill(p.PID(), 0) != nil {
		t.Error("the process has ended")
	}
}

func TestAnAnswerToNoInvocationIsRefused(t *testing.T) {
	got, err := invoke(start(t, "works", io.Discard), "")
	if want := "400 Bad Request"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestALineWithoutEndIsCut(t *testing.T) {
	var out bytes.Buffer
	lines := bootstrap.NewLines(&out)
	if _, err := lines.Write(bytes.Repeat([]byte("x"), bootstrap.MaxLine+1)); err != nil {
		t.Fatal(err)
	}
	if got := out.Len(); got != bootstrap.MaxLine {
		t.Errorf("got %d bytes passed on, want %d", got, bootstrap.MaxLine)
	}
	lines.Flush()
	if got, want := out.Len(), bootstrap.MaxLine+len("x\n"); got != want {
		t.Errorf("got %d bytes after Flush, want %d", got, want)
	}
}

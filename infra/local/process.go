package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"portcullis/internal/environ"
	"portcullis/internal/lockout"
)

// errTimedOut says that a function took longer than it may, which API Gateway
// tells as template.yaml has it: it is unavailable.
var errTimedOut = fmt.Errorf("it took longer than it may: %w", lockout.ErrUnavailable)

// A process is a compiled function that is running, with the API it asks for
// work. It takes one invocation at a time.
type process struct {
	api    *runtimeAPI
	server *http.Server
	cmd    *exec.Cmd
	output *whole
	ended  chan struct{} // closed when it has ended; err is set by then
	err    error
}

// startProcess starts a bootstrap. Its output goes to the log.
func startProcess(function, bootstrap string, timeout time.Duration, log io.Writer, environment []string) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{ended: make(chan struct{})}
	p.api = &runtimeAPI{function: function, timeout: timeout, work: make(chan *invocation)}
	p.server = &http.Server{Handler: p.api.handler(), ReadHeaderTimeout: headerTime}
	p.cmd = exec.Command(bootstrap)
	p.cmd.Dir = filepath.Dir(bootstrap)
	p.output = &whole{w: log}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = endWithParent()
	p.cmd.Env = append(append(os.Environ(), environment...),
		"AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME="+function,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_EXECUTION_ENV=AWS_Lambda_"+function, // the SDK tells it to the services
		"LAMBDA_TASK_ROOT="+p.cmd.Dir,
		"_HANDLER=bootstrap",
	)
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting function %s: %w", function, err), listener.Close())
	}
	go func() { _ = p.server.Serve(listener) }()
	go p.wait()
	return p, nil
}

// wait notes the end of the process.
func (p *process) wait() {
	err := p.cmd.Wait()
	p.output.flush()
	if err == nil {
		err = errors.New("it ended by itself")
	}
	p.err = fmt.Errorf("function %s: %w", p.api.function, err)
	if failed := p.api.initFailure(); failed != "" {
		p.err = fmt.Errorf("function %s did not start: %s: %w", p.api.function, failed, err)
	}
	_ = p.server.Close()
	close(p.ended)
}

// stop kills the process and waits for its end.
func (p *process) stop() {
	_ = p.cmd.Process.Kill() // of no use if it has ended
	<-p.ended
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// invoke hands an event to the process once it asks for one, and returns what
// it makes of it. A *functionError is the function's own, after which the
// process can go on; after any other error it cannot.
func (p *process) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	i := &invocation{id: environ.NewID(), payload: payload, answered: make(chan outcome, 1)}
	select {
	case p.api.work <- i:
	case <-p.ended:
		return nil, p.err
	case <-ctx.Done():
		return nil, fmt.Errorf("function %s was not ready: %w", p.api.function, ctx.Err())
	}
	late := time.NewTimer(p.api.timeout)
	defer late.Stop()
	select {
	case o := <-i.answered:
		return o.answer, o.err
	case <-p.ended:
		return nil, p.err
	case <-late.C:
		return nil, fmt.Errorf("function %s: %w", p.api.function, errTimedOut)
	}
}

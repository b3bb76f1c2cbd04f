package bootstrap

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
	"syscall"
	"time"

	"portcullis/infra/child"
	"portcullis/internal/environ"
	"portcullis/internal/lockout"
)

// ErrTimedOut says that a function took longer than it may, which API Gateway
// tells as template.yaml has it: it is unavailable.
var ErrTimedOut = fmt.Errorf("it took longer than it may: %w", lockout.ErrUnavailable)

// headerTime bounds reading the header of a request of the function.
const headerTime = 5 * time.Second

// A Program is a compiled function, and how it is to be started.
type Program struct {
	Function    string    // its name
	Path        string    // of its bootstrap
	Environment []string  // what it is told beside what this process was
	Output      io.Writer // gets what it writes, a line at a time
}

// A Process is a compiled function that is running, with the API it asks for
// work. It takes one invocation at a time.
type Process struct {
	api     *runtimeAPI
	server  *http.Server
	cmd     *exec.Cmd
	output  *Lines
	started time.Time
	ended   chan struct{} // closed when it has ended; err is set by then
	err     error
}

// Start starts a bootstrap. The caller stops it.
func Start(program Program) (*Process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Process{ended: make(chan struct{}), output: NewLines(program.Output)}
	p.api = &runtimeAPI{function: program.Function, work: make(chan *invocation), asked: make(chan struct{})}
	p.server = &http.Server{Handler: p.api.handler(), ReadHeaderTimeout: headerTime}
	p.cmd = program.command(listener.Addr().String())
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting function %s: %w", program.Function, err), listener.Close())
	}
	go func() { _ = p.server.Serve(listener) }()
	go p.wait()
	return p, nil
}

// command returns what runs the program on the API of an address.
func (p Program) command(api string) *exec.Cmd {
	cmd := exec.Command(p.Path)
	cmd.Dir = filepath.Dir(p.Path)
	// A Ctrl-C at the terminal is for this process alone, which then finishes what is
	// under way.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	child.DieWithParent(cmd, syscall.SIGKILL)
	cmd.Env = append(append(os.Environ(), p.Environment...),
		"AWS_LAMBDA_RUNTIME_API="+api,
		"AWS_LAMBDA_FUNCTION_NAME="+p.Function,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_EXECUTION_ENV=AWS_Lambda_"+p.Function, // the SDK tells it to the services
		"LAMBDA_TASK_ROOT="+cmd.Dir,
		"_HANDLER=bootstrap",
	)
	return cmd
}

// wait notes the end of the process.
func (p *Process) wait() {
	err := p.cmd.Wait()
	p.output.Flush()
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

// Stop kills the process and waits for its end.
func (p *Process) Stop() {
	_ = p.cmd.Process.Kill() // of no use if it has ended
	<-p.ended
}

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when the process has ended, by itself or by Stop, and all of
// its output was passed on.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// HasEnded reports whether Ended is closed.
func (p *Process) HasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Ready waits until the process asks for its first event, and returns how long
// that took from right before it was started.
func (p *Process) Ready(ctx context.Context) (time.Duration, error) {
	select {
	case <-p.api.asked:
		return p.api.askedAt.Sub(p.started), nil
	case <-p.ended:
		return 0, p.err
	case <-ctx.Done():
		return 0, fmt.Errorf("function %s was not ready: %w", p.api.function, ctx.Err())
	}
}

// Invoke hands an event to the process once it asks for one, and returns what
// it makes of it within a time. An *[Error] is the function's own, after which
// the process can go on; after any other error it cannot.
func (p *Process) Invoke(ctx context.Context, payload []byte, timeout time.Duration) ([]byte, error) {
	i := &invocation{id: environ.NewID(), payload: payload, timeout: timeout, answered: make(chan outcome, 1)}
	select {
	case p.api.work <- i:
	case <-p.ended:
		return nil, p.err
	case <-ctx.Done():
		return nil, fmt.Errorf("function %s was not ready: %w", p.api.function, ctx.Err())
	}
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case o := <-i.answered:
		return o.answer, o.err
	case <-p.ended:
		return nil, p.err
	case <-late.C:
		return nil, fmt.Errorf("function %s: %w", p.api.function, ErrTimedOut)
	}
}

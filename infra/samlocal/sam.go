package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"portcullis/infra/child"
)

// samProgram is the SAM CLI that make installs.
const samProgram = "infra/tools/sam"

// How long SAM may take to serve, once it has its image, and to end.
const (
	samReady = 10 * time.Minute // people's first start pulls an image
	samStop  = 10 * time.Second
	samLook  = 200 * time.Millisecond
)

// An api is SAM serving.
type api struct {
	base    string
	docker  *docker
	files   files
	process *child.Service
	output  *output
}

// startAPI starts SAM and returns when it serves, with the authorizer asked. All
// functions are started at once and stay: SAM would make a container for every
// request otherwise.
func startAPI(ctx context.Context, docker *docker, files files, addr string, loud bool) (*api, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	a := &api{base: "http://" + addr, docker: docker, files: files, output: &output{}}
	if loud {
		a.output.also = os.Stderr
	}
	arguments := append([]string{"local", "start-api", "--host", host, "--port", port, "--warm-containers", "EAGER"}, a.common()...)
	cmd := exec.Command(samProgram, arguments...)
	cmd.Env = samEnvironment(os.Environ(), docker.environment())
	cmd.Stdout, cmd.Stderr = a.output, a.output
	if a.process, err = child.Start(cmd, syscall.SIGTERM); err != nil {
		return nil, fmt.Errorf("starting SAM: %w", err)
	}
	if err := a.waitReady(ctx); err != nil {
		a.stop()
		return nil, a.output.explain(err, loud)
	}
	return a, nil
}

// common are the arguments of every "sam local" on these files.
func (a *api) common() []string {
	arguments := []string{"--template", a.files.template, "--env-vars", a.files.variables}
	if a.docker.network != "" {
		arguments = append(arguments, "--docker-network", a.docker.network)
	}
	if a.docker.image != "" {
		arguments = append(arguments, "--skip-pull-image", "--invoke-image", a.docker.image)
	}
	return arguments
}

// samEnvironment is ours without what is for the functions: SAM would take a
// variable from there which is not in its file. It has no account to ask, whatever
// profile there is.
func samEnvironment(ours, docker []string) []string {
	var kept []string
	region := ""
	for _, pair := range ours {
		name, value, _ := strings.Cut(pair, "=")
		if name == "AWS_REGION" {
			region = value
		}
		if !strings.HasPrefix(name, ourPrefix) && name != endpointVariable && name != "AWS_PROFILE" {
			kept = append(kept, pair)
		}
	}
	return append(append(kept, docker...), "AWS_DEFAULT_REGION="+region, // the only one that SAM knows
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
}

func (a *api) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, samReady)
	defer cancel()
	look := time.NewTicker(samLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("SAM does not serve: %w", context.Cause(ctx))
		case <-a.process.Ended():
			return errors.New("SAM has ended")
		case <-look.C:
		}
		if status, _, err := a.get(ctx, "/health"); err == nil {
			return errors.Join(a.checkHealth(status), a.checkAuthorizer(ctx))
		}
	}
}

// checkHealth tells whether the functions reach the services.
func (a *api) checkHealth(status int) error {
	if status == http.StatusOK {
		return nil
	}
	return fmt.Errorf("GET /health: got %d, want 200: the containers may not reach %s; does a firewall stop them?", status, a.docker.gateway)
}

// checkAuthorizer asks an admin route without a token. SAM must refuse that
// itself: where it does not know the authorizer, it lets everybody through.
func (a *api) checkAuthorizer(ctx context.Context) error {
	status, header, err := a.get(ctx, "/clients/demo/users")
	if err != nil {
		return err
	}
	if answered := header.Get("X-Request-Id") != ""; status != http.StatusUnauthorized || answered {
		return fmt.Errorf("SAM serves an admin route without asking the authorizer: got %d from the function", status)
	}
	return nil
}

func (a *api) get(ctx context.Context, path string) (int, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, nil)
	if err != nil {
		return 0, nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, answer.Header, err
}

// invocation is the command that invokes one function with an event. The keys in
// it are those of the services here, and keep one's own out of the container.
func (a *api) invocation(id, event string) string {
	var words []string
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"} {
		words = append(words, name+"="+os.Getenv(name))
	}
	words = append(words, samProgram, "local", "invoke", id, "--event", event)
	return strings.Join(append(words, a.common()...), " ")
}

// wait returns when the context ends, or with an error when SAM does.
func (a *api) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		fmt.Println("stopping")
		return nil
	case <-a.process.Ended():
		return errors.New("SAM has ended")
	}
}

// stop ends SAM and its containers, and removes the files.
func (a *api) stop() {
	_ = a.docker.removeContainers() // whatever stays, the engine's end removes or tells
	a.process.Stop(samStop)
	_ = os.Remove(a.files.template)
	_ = os.Remove(a.files.variables)
}

// kept is how much of SAM's output is shown when something goes wrong, in bytes.
const kept = 16 << 10

// An output keeps the end of what SAM says, and passes it on to people.
type output struct {
	mu   sync.Mutex
	tail []byte
	also io.Writer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = append(o.tail, p...)
	o.tail = bytes.Clone(o.tail[max(0, len(o.tail)-kept):])
	if o.also != nil {
		return o.also.Write(p)
	}
	return len(p), nil
}

// explain adds what SAM has said to an error, where nobody has seen it.
func (o *output) explain(err error, seen bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if seen {
		return err
	}
	return fmt.Errorf("%w; SAM said:\n%s", err, o.tail)
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"

	"portcullis/infra/child"
)

// exitUsage is the shell's exit code for "usage".
const exitUsage = 2

// settings are what the command line says.
type settings struct {
	addr      string // where the API is served
	build     string // the folder that sam build made
	functions string // the compiled functions for this machine, which make the demo client
	server    string // infra/local, compiled
	ownDocker bool
	image     string   // to run functions in, of the machine's own engine
	command   []string // beside the API; empty to serve people
}

func main() {
	runtime.LockOSThread() // see package child
	var s settings
	flags := flag.CommandLine
	flags.StringVar(&s.addr, "addr", "127.0.0.1:3000", "`HOST:PORT` to serve on; port 0 takes a free one")
	flags.StringVar(&s.build, "build", ".aws-sam/build", "`folder` that sam build made")
	flags.StringVar(&s.functions, "functions", ".build/functions", "`folder` of the functions for this machine")
	flags.StringVar(&s.server, "local", ".build/bin/local", "infra/local, `compiled`")
	flags.BoolVar(&s.ownDocker, "own-docker", false, "start a Docker engine for this alone, which pulls nothing (Linux, as root)")
	flags.StringVar(&s.image, "image", "", "`image` to run functions in, which is there already, instead of Amazon's")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: samlocal [FLAGS] [-- COMMAND [ARGUMENTS]], beside infra/ministack")
		flags.PrintDefaults()
	}
	flag.Parse()
	s.command = flag.Args()
	if _, _, err := net.SplitHostPort(s.addr); err != nil {
		fmt.Fprintln(os.Stderr, "samlocal: -addr:", err)
		os.Exit(exitUsage)
	}
	code, err := s.run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "samlocal:", err)
	}
	os.Exit(code)
}

// run returns the exit code: the command's, or child.CouldNotRun with an error.
func (s *settings) run() (code int, err error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, child.Endings()...)
	defer signal.Stop(signals)
	ctx, release := signal.NotifyContext(context.Background(), child.Endings()...)
	defer release()
	services, err := readServices(os.Environ())
	if err != nil {
		return child.CouldNotRun, err
	}
	docker, err := openDocker(ctx, s.ownDocker, s.image)
	if err != nil {
		return child.CouldNotRun, err
	}
	defer func() { err = errors.Join(err, docker.close()) }()
	relay, err := lead(docker.gateway, services.endpoint)
	if err != nil {
		return child.CouldNotRun, err
	}
	defer relay.close()
	greeting, err := s.seed(ctx)
	if err != nil {
		return child.CouldNotRun, err
	}
	api, err := s.serve(ctx, docker, services.seenFrom(relay.endpoint))
	if err != nil {
		return child.CouldNotRun, err
	}
	defer api.stop()
	if len(s.command) > 0 {
		return child.Run(s.command, []string{"SAM_LOCAL_API=" + api.base}, signals)
	}
	greetPeople(os.Stdout, greeting, api)
	return 0, api.wait(ctx)
}

// seed makes the demo client where the API is for people, and returns what there
// is to tell of it.
func (s *settings) seed(ctx context.Context) ([]byte, error) {
	if len(s.command) > 0 {
		return nil, nil
	}
	if err := s.takePort(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, s.server, "-functions", s.functions, "-seed", "-addr", s.addr)
	cmd.Stderr = os.Stderr
	greeting, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("making the demo client: %w", err)
	}
	return greeting, nil
}

// takePort replaces port 0, which SAM does not take.
func (s *settings) takePort() error {
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil || port != "0" {
		return err
	}
	if port, err = child.FreePort(); err != nil {
		return err
	}
	s.addr = net.JoinHostPort(host, port)
	return nil
}

// serve starts SAM on what was built.
func (s *settings) serve(ctx context.Context, docker *docker, variables map[string]string) (*api, error) {
	if err := s.takePort(); err != nil {
		return nil, err
	}
	built, err := os.ReadFile(filepath.Join(s.build, "template.yaml"))
	if err != nil {
		return nil, fmt.Errorf("%w (make sam-build makes it)", err)
	}
	files := files{
		// Beside the built one: the paths in it are relative to its folder.
		template:  filepath.Join(s.build, "template-local.yaml"),
		variables: filepath.Join(s.build, "variables-local.json"),
	}
	if err := files.write(built, variables); err != nil {
		return nil, err
	}
	return startAPI(ctx, docker, files, s.addr, len(s.command) == 0)
}

// greetPeople tells who may log in, and how to invoke one function alone.
func greetPeople(w io.Writer, greeting []byte, api *api) {
	_, _ = w.Write(greeting)
	fmt.Fprintf(w, "To invoke one function alone, in another terminal:\n\n  %s\n\n", api.invocation("LoginFunction", "infra/events/login.json"))
}

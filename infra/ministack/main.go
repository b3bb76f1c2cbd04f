package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/infra/stack"
	"portcullis/internal/environ"
)

// What the stack is called, and who asks for it. The emulator takes any key.
const (
	stage     = "test"
	region    = "eu-west-1"
	accessKey = "test"
)

// setupTime bounds starting the services and making the stack. It takes two
// seconds on an idle machine; a busy one may need much longer.
const setupTime = 2 * time.Minute

// exitUsage and exitSetup are the exit codes when the command was never run:
// those of the shell for "usage" and of env(1) for "could not be run".
const (
	exitUsage = 2
	exitSetup = 125
)

func main() {
	// A child that dies with its parent dies with the thread that made it, so
	// that thread must be the one that lives longest.
	runtime.LockOSThread()
	venv := flag.String("venv", ".build/ministack", "virtual environment that MiniStack is installed in")
	flag.Usage = usage
	flag.Parse()
	if flag.NArg() == 0 {
		usage()
		os.Exit(exitUsage)
	}
	code, err := run(*venv, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "ministack:", err)
	}
	os.Exit(code)
}

func usage() {
	fmt.Fprintln(flag.CommandLine.Output(), "usage: ministack [-venv DIR] -- COMMAND [ARGUMENTS]")
	flag.PrintDefaults()
}

// run returns the command's exit code, or exitSetup and an error when it could
// not be run. A signal that comes while the services are set up ends them; one
// that comes later is the command's, also when it comes just before its start.
func run(venv string, command []string) (int, error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endings()...)
	defer signal.Stop(signals)
	server, environment, err := prepare(venv)
	if err != nil {
		return exitSetup, err
	}
	defer server.stop()
	return runCommand(command, environment, signals)
}

// endings are the signals that ask for an end.
func endings() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
}

// prepare starts the services, which the caller stops, and returns them with
// the variables that lead to them. A signal makes it give up.
func prepare(venv string) (*server, []string, error) {
	ctx, release := signal.NotifyContext(context.Background(), endings()...)
	defer release()
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	server, err := startServer(ctx, venv)
	if err != nil {
		return nil, nil, err
	}
	environment, err := setUp(ctx, server.endpoint)
	if err != nil {
		server.stop()
		return nil, nil, err
	}
	return server, environment, nil
}

// setUp makes the stack and returns the variables that lead to it.
func setUp(ctx context.Context, endpoint string) ([]string, error) {
	storage, identity, err := templates()
	if err != nil {
		return nil, fmt.Errorf("run this in the project's folder: %w", err)
	}
	config := aws.Config{
		Region: region, BaseEndpoint: &endpoint, HTTPClient: environ.HTTPClient(),
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, accessKey, ""),
	}
	cfn := cloudformation.NewFromConfig(config)
	tables, err := stack.DeployStorage(ctx, cfn, storage, "portcullis-"+stage+"-storage")
	if err != nil {
		return nil, err
	}
	mint, err := stack.DeployIdentity(ctx, cfn, ssm.NewFromConfig(config), identity, endpoint, "portcullis-"+stage+"-identity", stage)
	if err != nil {
		return nil, err
	}
	return append(stack.Environment(stage, tables, mint),
		"AWS_ENDPOINT_URL="+endpoint,
		"AWS_REGION="+region,
		"AWS_ACCESS_KEY_ID="+accessKey,
		"AWS_SECRET_ACCESS_KEY="+accessKey,
		"AWS_SESSION_TOKEN=",
	), nil
}

// templates returns the files that the stack is made of.
func templates() (storage, identity []byte, err error) {
	if storage, err = os.ReadFile("infra/storage.yaml"); err != nil {
		return nil, nil, err
	}
	identity, err = os.ReadFile("infra/identity.yaml")
	return storage, identity, err
}

// runCommand runs the command to its end, passes the signals on to it, and
// returns its exit code, which is 128 and the signal's number when one ended it,
// as in a shell.
func runCommand(command, environment []string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return exitSetup, err
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it may have ended by itself
		}
	}()
	err := cmd.Wait()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		return exitSetup, err
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

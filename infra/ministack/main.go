package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/infra/child"
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

// exitUsage is the shell's exit code for "usage".
const exitUsage = 2

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

// run returns the command's exit code, or child.CouldNotRun and an error when it could
// not be run. A signal that comes while the services are set up ends them; one
// that comes later is the command's, also when it comes just before its start.
func run(venv string, command []string) (int, error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, child.Endings()...)
	defer signal.Stop(signals)
	server, environment, err := prepare(venv)
	if err != nil {
		return child.CouldNotRun, err
	}
	defer server.stop()
	return child.Run(command, environment, signals)
}

// prepare starts the services, which the caller stops, and returns them with
// the variables that lead to them. A signal makes it give up.
func prepare(venv string) (*server, []string, error) {
	ctx, release := signal.NotifyContext(context.Background(), child.Endings()...)
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

// Conformance tries a server that speaks the HTTP contract of this project for
// what lockout products get wrong:
//
//	go run ./infra/conformance -url http://127.0.0.1:8480
//
// It has nothing but the API and the password of one Sysadmin. It makes users of
// its own with random names, drives the cases with them, deletes them again and
// puts the policy back. Each case says what holds, in the words of a portal's
// tester, and names the incidents that it stands for. Every answer is held
// against infra/openapi.yaml besides.
//
// A tour: wire.go sends requests and waits where the server asks for it; desk.go
// is what a tester does (make a user, log in, lock, look); trial.go is one case on
// its way; suite.go runs the cases and report.go tells of them. The cases are in
// the files whose names begin with cases_, and what they stand for in
// incidents.go.
//
// The one decision a reader must know: no case depends on timing. What is tried
// at once has the same right outcome in whatever order the server takes it, and a
// server that says "later" is asked later.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes. That of usage is the shell's.
const (
	exitPassed      = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // 128 and the number of SIGINT, as in a shell
)

// errUnusable says that the server cannot be tried at all.
var errUnusable = errors.New("cannot begin")

// A terminal is what the command is run from.
type terminal struct {
	environment    func(name string) string
	stdin          *os.File
	stdout, stderr io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], terminal{os.Getenv, os.Stdin, os.Stdout, os.Stderr}))
}

// run tries the server that the arguments name, and returns the exit code.
func run(ctx context.Context, arguments []string, t terminal) int {
	s, err := parse(arguments, t.stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitPassed
	case err != nil:
		fmt.Fprintln(t.stderr, "conformance:", err)
		return exitUsage
	}
	if s.list {
		printList(t.stdout, s.chosen())
		return exitPassed
	}
	if err := s.readPasswords(ctx, t); err != nil {
		fmt.Fprintln(t.stderr, "conformance:", err)
		return exitUsage
	}
	return s.try(ctx, t)
}

// try runs the chosen cases and tells of them.
func (s *settings) try(ctx context.Context, t terminal) int {
	told, err := s.reporter(t)
	if err != nil {
		fmt.Fprintln(t.stderr, "conformance:", err)
		return exitUsage
	}
	u, err := begin(ctx, s, told)
	if err == nil {
		u.runAll(ctx)
		err = u.end(ctx)
	}
	switch closed := told.close(); {
	case errors.Is(err, errUnusable):
		fmt.Fprintln(t.stderr, "conformance:", err)
		return exitUsage
	case err != nil || closed != nil:
		fmt.Fprintln(t.stderr, "conformance:", errors.Join(err, closed))
	}
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case err != nil || told.failed > 0:
		return exitFailed
	}
	return exitPassed
}

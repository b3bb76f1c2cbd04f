package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// The variables that passwords may come from.
const (
	passwordVariable      = "PORTCULLIS_PASSWORD"
	otherPasswordVariable = "PORTCULLIS_OTHER_PASSWORD"
)

// maxPasswordFile is more bytes than a password with its line end may have.
const maxPasswordFile = 1 << 10

// readPasswords finds the passwords of the accounts. They are never in the
// arguments, which every user of the machine can read.
func (s *settings) readPasswords(ctx context.Context, t terminal) error {
	if err := s.root.readPassword(ctx, t, passwordVariable); err != nil || s.other.client == "" {
		return err
	}
	return s.other.readPassword(ctx, t, otherPasswordVariable)
}

// readPassword takes the first of: the file, the variable, what is typed.
func (a *account) readPassword(ctx context.Context, t terminal, variable string) (err error) {
	switch {
	case a.passwordFile != "":
		a.password, err = passwordOf(a.passwordFile)
	case t.environment(variable) != "":
		a.password = t.environment(variable)
	case isTerminal(t.stdin):
		a.password, err = a.ask(ctx, t)
	default:
		return fmt.Errorf("no password for %s/%s: put it into a file for -password-file, or into the variable %s", a.client, a.username, variable)
	}
	if err == nil && a.password == "" {
		err = errors.New("the password is empty")
	}
	return err
}

// passwordOf returns the first line of a file.
func passwordOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPasswordFile))
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

func isTerminal(f *os.File) bool {
	if f == nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && stty(f, "-a") == nil
}

// ask reads a line from the terminal without showing it. The echo is back when
// it returns, also when a signal ends the context: what is read then is dropped
// with the process.
func (a *account) ask(ctx context.Context, t terminal) (string, error) {
	fmt.Fprintf(t.stderr, "Password of %s/%s: ", a.client, a.username)
	if err := stty(t.stdin, "-echo"); err != nil {
		return "", fmt.Errorf("hiding the password: %w", err)
	}
	defer fmt.Fprintln(t.stderr)
	defer func() { _ = stty(t.stdin, "echo") }()
	typed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(t.stdin).ReadString('\n')
		typed <- strings.TrimRight(line, "\r\n")
	}()
	select {
	case line := <-typed:
		return line, nil
	case <-ctx.Done():
		return "", errors.New("interrupted")
	}
}

// stty sets the terminal, as the command of POSIX does. The standard library has
// no way to it that is the same on every system.
func stty(terminal *os.File, setting string) error {
	cmd := exec.Command("stty", setting)
	cmd.Stdin = terminal
	return cmd.Run()
}

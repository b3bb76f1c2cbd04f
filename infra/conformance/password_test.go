package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThePasswordIsReadFromAFile(t *testing.T) {
	for text, want := range map[string]string{
		"secret 1": "secret 1", "secret 1\n": "secret 1", "secret 1\r\n": "secret 1", " secret 1 \nmore": " secret 1 ", "": "", "\nsecret": "",
	} {
		file := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a := account{passwordFile: file}
		err := a.readPassword(t.Context(), terminal{environment: func(string) string { return "another" }}, passwordVariable)
		if a.password != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, a.password, err, want)
		}
	}
}

func TestWithoutAPasswordNothingBegins(t *testing.T) {
	f := command(t.Context(), t, "", "-url", "http://127.0.0.1:1")
	if f.code != exitUsage || !strings.Contains(f.stderr, "-password-file") || !strings.Contains(f.stderr, passwordVariable) {
		t.Errorf("got %d, %q; want %d and how to give a password", f.code, f.stderr, exitUsage)
	}
}

// TestAPasswordThatIsTypedIsNotShown has a program in the place of stty, which
// says what it is told.
func TestAPasswordThatIsTypedIsNotShown(t *testing.T) {
	bin := t.TempDir()
	told := filepath.Join(bin, "told")
	if err := os.WriteFile(filepath.Join(bin, "stty"), []byte("#!/bin/sh\necho \"$@\" >>'"+told+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := out.WriteString("typed 1\n"); err != nil || out.Close() != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	a := account{client: "demo", username: "root"}
	password, err := a.ask(t.Context(), terminal{stdin: in, stderr: &stderr})
	settings, _ := os.ReadFile(told)
	if password != "typed 1" || err != nil || string(settings) != "-echo\necho\n" {
		t.Errorf("got %q, %v with the terminal set to %q, want the line with the echo off and on again", password, err, settings)
	}
	if strings.Contains(stderr.String(), "typed") || !strings.Contains(stderr.String(), "demo/root") {
		t.Errorf("it shows %q, want whose password is wanted and not the password", stderr.String())
	}
}

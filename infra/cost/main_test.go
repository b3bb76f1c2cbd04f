package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portcullis/infra/cost/bill"
)

func TestTheTablesAreAllThere(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-logins", "2000000", "-fail-rate", "0.1"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	wanted := []string{"A month of 2000000 attempts by 100000 users, 10.0 % wrong", "nobody logs in", "one user leaves", "strangers can make us spend"}
	for _, k := range bill.Kinds() {
		wanted = append(wanted, string(k))
	}
	for _, want := range wanted {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got no %q in\n%s", want, out.String())
		}
	}
}

// The document shows what the command prints.
func TestTheDocumentIsAsComputed(t *testing.T) {
	var out bytes.Buffer
	if err := run(nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../cost.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), out.String()) {
		t.Errorf("infra/cost.md does not have what the command prints now:\n%s", out.String())
	}
}

func TestPricesComeFromAFileToo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prices.json")
	const text = `[{"unit": "WAF rules", "dollars": 7.77, "per": 1, "source": "a test", "seen": "today"}]`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run([]string{"-prices", file, "-show-prices"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "7.77") || !strings.Contains(out.String(), "a test") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"more"}, {"-fail-rate", "2"}, {"-maximum", "10"}, {"-user-agent", "-1"}, {"-logins", "-1"}, {"-hash", "-1s"},
		{"-login-rate", "0"}, {"-prices", "/no/such/file"}, {"-goats"},
	} {
		if err := run(args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
	if err := run([]string{"-help"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: got %v", err)
	}
}

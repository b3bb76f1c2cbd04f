package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"portcullis/internal/environ"
	"portcullis/internal/lockout"
)

// defaultAddr can be reached from this machine only.
const defaultAddr = "127.0.0.1:8480"

// logOff is above every level.
const logOff = slog.Level(math.MaxInt)

// maxProcesses bounds a typing mistake, not a machine.
const maxProcesses = 64

// minTimeout is the shortest life of an attempt that the functions take.
const minTimeout = 3 * time.Second

// settings are what the command line says.
type settings struct {
	addr      string
	data      string
	ephemeral bool
	maximum   int // 0 where the flag is not given
	level     slog.Level
	json      bool
	functions string          // a folder; empty for the embedded world
	seed      bool            // and serve nothing
	processes int             // of each function
	cold      bool            // a process for each event
	timeout   time.Duration   // of each function
	origins   environ.Origins // of -allow-origin
}

// parse reads the command line. The usage goes to stderr when it is asked for.
func parse(arguments []string, stderr io.Writer) (settings, error) {
	var s settings
	level := "warn"
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.addr, "addr", defaultAddr, "`HOST:PORT` to listen on; port 0 takes a free one")
	flags.StringVar(&s.data, "data", "", "data `folder` (default: portcullis in the user's cache folder)")
	flags.BoolVar(&s.ephemeral, "ephemeral", false, "keep the data in a temporary folder, removed at the end")
	flags.IntVar(&s.maximum, "max-attempts", 0, "set the demo client's maximum of failed logins, `1 to 9`")
	flags.StringVar(&level, "log", level, "least `level` to log: debug, info (every request), warn, error or off")
	flags.BoolVar(&s.json, "json", false, "print one line of JSON with the address and the users, for scripts")
	flags.StringVar(&s.functions, "functions", "", "serve the compiled functions of this `folder` (NAME/bootstrap, or as sam build leaves them), on the stores of the environment")
	flags.BoolVar(&s.seed, "seed", false, "make a demo client, greet as if -addr answered already, and serve nothing; infra/samlocal uses it")
	flags.Func("allow-origin", "let pages of this `origin` read answers, such as http://localhost:3000; repeatable, or a list with commas", s.allowOrigins)
	flags.IntVar(&s.processes, "processes", 1, "`number` of processes of each compiled function")
	flags.BoolVar(&s.cold, "cold", false, "start a process anew for every event of a compiled function, so that each is a cold start")
	flags.DurationVar(&s.timeout, "timeout", functionTime, "how long a compiled function, and so an attempt, may `take`")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stderr)
		usage(flags)
		return s, err
	case err != nil:
		return s, fmt.Errorf("%w (-help lists the flags)", err)
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return s, errors.Join(s.check(given), s.setLevel(level))
}

func usage(flags *flag.FlagSet) {
	fmt.Fprint(flags.Output(), "Local serves the whole of Portcullis on one port of this machine.\n\n"+
		"Usage: make run ARGS=\"FLAGS\"\n"+
		"       go run ./infra/local FLAGS\n\n"+
		"The log goes to standard error, one JSON object a line.\n\n")
	flags.PrintDefaults()
}

// check refuses values out of range and flags that do not go together.
func (s *settings) check(given map[string]bool) error {
	if _, port, err := net.SplitHostPort(s.addr); err != nil || port == "" {
		return fmt.Errorf("-addr must be HOST:PORT, such as %s, not %q", defaultAddr, s.addr)
	}
	switch {
	case given["data"] && s.data == "":
		return errors.New("-data must name a folder")
	case given["functions"] && s.functions == "":
		return errors.New("-functions must name a folder")
	case given["max-attempts"] && !lockout.ValidMaximum(s.maximum):
		return fmt.Errorf("-max-attempts must be a whole number from %d to %d", lockout.MinMaximum, lockout.MaxMaximum)
	case s.processes < 1 || s.processes > maxProcesses:
		return fmt.Errorf("-processes must be from 1 to %d", maxProcesses)
	case s.functions != "" && (given["data"] || s.ephemeral):
		return errors.New("-data and -ephemeral are for the embedded store, and -functions uses the environment's")
	case s.timeout < minTimeout || s.timeout >= integrationTime:
		return fmt.Errorf("-timeout must be at least %v and less than the gateway's %v", minTimeout, integrationTime)
	case s.functions == "" && (given["processes"] || given["timeout"] || s.cold || s.seed):
		return errors.New("-processes, -timeout, -cold and -seed are for -functions")
	case given["data"] && s.ephemeral:
		return errors.New("-data and -ephemeral exclude each other")
	}
	return nil
}

// allowOrigins adds the origins of one flag.
func (s *settings) allowOrigins(list string) error {
	var more environ.Origins
	if err := more.UnmarshalText([]byte(list)); err != nil {
		return err
	}
	s.origins = append(s.origins, more...)
	return nil
}

func (s *settings) setLevel(name string) error {
	if name == "off" {
		s.level = logOff
		return nil
	}
	if err := s.level.UnmarshalText([]byte(name)); err != nil || strings.ContainsAny(name, "+-") {
		return fmt.Errorf("-log must be debug, info, warn, error or off, not %q", name)
	}
	return nil
}

// folder returns the data folder, and what removes it at the end.
func (s *settings) folder() (dir string, remove func() error, err error) {
	keep := func() error { return nil }
	if s.ephemeral {
		dir, err = os.MkdirTemp("", "portcullis-")
		return dir, func() error { return os.RemoveAll(dir) }, err
	}
	if s.data != "" {
		return s.data, keep, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", nil, fmt.Errorf("no folder for the data: %w; name one with -data, or use -ephemeral", err)
	}
	return filepath.Join(cache, "portcullis"), keep, nil
}

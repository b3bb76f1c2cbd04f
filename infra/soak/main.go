// Soak drives a Portcullis server with honest and hostile traffic for a while,
// and then wants every answer explained: users who log in, mistype, keep sessions
// and change their passwords; attackers who guess in bursts; Sysadmins who let
// people in, change the policy, create and delete. Meanwhile the server is
// killed, or its stores fail.
//
//	soak -duration 10m                       # both worlds, half of the time each
//	soak -worlds embedded -duration 1m
//	PORTCULLIS_SOAK_PASSWORD=… soak -base http://127.0.0.1:8480 -client demo -username root
//
// What is wanted at the end is zero differences: every verdict, every count and
// every entry of the trail fits one order of events (package ledger, audit.go),
// and the server's memory and open files have not grown (gauge.go).
//
// The one decision a reader must know: it attacks, so it takes addresses of this
// machine only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"portcullis/infra/child"
	"portcullis/infra/faults"
	"portcullis/infra/soak/ledger"
)

// The worlds that are made here.
const (
	embeddedWorld  = "embedded"
	functionsWorld = "functions"
)

// errDifferent says that something is wrong with a server.
var errDifferent = errors.New("the server is not as its answers say")

// processes is how many of each function share the work.
const processes = 8

// sameSignal is how long after a signal another one is the first one again.
const sameSignal = 500 * time.Millisecond

// settings are what the command line says.
type settings struct {
	local, functions string
	worlds           []string
	duration         time.Duration
	faults           float64
	kills            int
	seed             uint64
	book             string // a file for the ledger; "" for none
	base             string
	root             person // of -base
}

func main() {
	// A server dies with the thread that started it; see package child.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), child.Endings()...)
	// A second signal ends it at once. But a Ctrl-C comes twice where
	// infra/ministack passes on what the terminal sends to both.
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) })
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	s, err := parse(arguments, stderr)
	if err != nil {
		return err
	}
	progress := &shared{w: stderr}
	fmt.Fprintf(progress, "soak: seed %d\n", s.seed)
	good := true
	for _, name := range s.worlds {
		r, err := s.soak(ctx, name, progress)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.write(stdout)
		good = good && r.good()
		if ctx.Err() != nil {
			break // Ctrl-C: the worlds that have not begun are left out
		}
	}
	if !good {
		return errDifferent
	}
	return nil
}

// shared is a writer for several goroutines.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// parse reads the command line.
func parse(arguments []string, stderr io.Writer) (settings, error) {
	s := settings{seed: uint64(time.Now().UnixNano())}
	worlds := ""
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.local, "local", ".build/bin/local", "the compiled infra/local")
	flags.StringVar(&s.functions, "functions", ".build/functions", "`folder` of the compiled functions")
	flags.StringVar(&worlds, "worlds", embeddedWorld+","+functionsWorld, "the `worlds` to soak, one after the other")
	flags.DurationVar(&s.duration, "duration", 10*time.Minute, "how long in all")
	flags.Float64Var(&s.faults, "faults", 0.02, "the `share` of calls to the stores of the functions that fail, 0 to 0.5")
	flags.IntVar(&s.kills, "kills", 3, "how often the embedded server is killed")
	flags.Uint64Var(&s.seed, "seed", s.seed, "of the random choices; how they interleave is not repeatable")
	flags.StringVar(&s.book, "ledger", "", "write what was told to this `file`, one JSON object a line, to look into differences")
	flags.StringVar(&s.base, "base", "", "soak the server at this `URL` of this machine instead; it keeps the users that are made")
	flags.StringVar(&s.root.Client, "client", "demo", "with -base: the client")
	flags.StringVar(&s.root.Username, "username", "root", "with -base: a Sysadmin, whose password is in PORTCULLIS_SOAK_PASSWORD")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	s.worlds, s.root.Role, s.root.Password = strings.Split(worlds, ","), "Sysadmin", os.Getenv("PORTCULLIS_SOAK_PASSWORD")
	if s.base != "" {
		s.worlds = []string{s.base}
	}
	return s, s.check()
}

func (s *settings) check() error {
	switch {
	case s.duration < time.Second:
		return errors.New("-duration must be a second or more")
	case s.faults < 0 || s.faults > 0.5:
		return errors.New("-faults must be from 0 to 0.5")
	case s.kills < 0 || s.kills > 100:
		return errors.New("-kills must be from 0 to 100")
	case s.base != "":
		return checkBase(s.base, s.root.Password)
	}
	for _, name := range s.worlds {
		if !slices.Contains([]string{embeddedWorld, functionsWorld}, name) {
			return fmt.Errorf("-worlds knows %s and %s, and not %q", embeddedWorld, functionsWorld, name)
		}
	}
	return nil
}

// checkBase lets through what is on this machine.
func checkBase(base, password string) error {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" || !net.ParseIP(u.Hostname()).IsLoopback() {
		return errors.New("-base must be like http://127.0.0.1:8480: soak attacks, and does so on this machine alone")
	}
	if password == "" {
		return errors.New("-base needs the Sysadmin's password in PORTCULLIS_SOAK_PASSWORD")
	}
	return nil
}

// soak soaks one world, from its start to its end.
func (s *settings) soak(ctx context.Context, name string, progress io.Writer) (report, error) {
	w := &world{
		name: name, faults: s.faults, seed: s.seed, progress: progress, policies: 7 * time.Second,
		rules: ledger.Rules{First: 5, Linger: linger, Stuck: stuck},
	}
	closing, err := s.open(w)
	if err != nil {
		return report{}, err
	}
	defer closing()
	defer w.server.stop()
	r, err := w.run(ctx, s.duration/time.Duration(len(s.worlds)))
	if err == nil && s.book != "" {
		err = writeLedger(s.book, r.book)
	}
	return r, err
}

// writeLedger adds what was told to a file.
func writeLedger(path string, book *ledger.Ledger) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(f)
	for _, user := range book.Users() {
		for _, o := range book.Ops(user) {
			err = errors.Join(err, lines.Encode(o))
		}
	}
	return errors.Join(err, f.Close())
}

// open starts the server of a world.
func (s *settings) open(w *world) (closing func(), err error) {
	switch w.name {
	case embeddedWorld:
		return s.openEmbedded(w)
	case functionsWorld:
		return s.openFunctions(w)
	}
	w.server = at(s.base, s.root)
	w.distributed()
	return func() {}, nil
}

// distributed is for a server of several processes, each with a cache of the
// policy: one may serve what it last knew for a while, and one that could never
// read it the default.
func (w *world) distributed() {
	w.rules.Spread, w.rules.Fallback, w.rules.Retries = 3*time.Minute, w.rules.First, true
	w.policies = time.Minute
}

func (s *settings) openEmbedded(w *world) (closing func(), err error) {
	folder, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return nil, err
	}
	closing = func() { _ = os.RemoveAll(folder) }
	w.kills = s.kills
	if w.server, err = startServer(s.local, nil, "-data", filepath.Join(folder, "data")); err != nil {
		closing()
		return nil, err
	}
	return closing, nil
}

func (s *settings) openFunctions(w *world) (closing func(), err error) {
	endpoint, keys := os.Getenv("AWS_ENDPOINT_URL"), os.Getenv("PORTCULLIS_JWKS_URL")
	if endpoint == "" {
		return nil, errors.New("AWS_ENDPOINT_URL is not set: run `make soak`, which starts MiniStack")
	}
	if w.proxy, err = faults.Start(endpoint, nil); err != nil {
		return nil, err
	}
	closing = func() { _ = w.proxy.Close() }
	environment := []string{
		"AWS_ENDPOINT_URL=" + w.proxy.URL(),
		"PORTCULLIS_JWKS_URL=" + strings.Replace(keys, endpoint, w.proxy.URL(), 1),
	}
	w.distributed()
	w.server, err = startServer(s.local, environment, "-functions", s.functions, "-processes", fmt.Sprint(processes))
	if err != nil {
		closing()
		return nil, err
	}
	return closing, nil
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The worlds.
const (
	embeddedWorld  = "embedded"
	functionsWorld = "functions"
)

// mostClients bounds a typing mistake, not a machine.
const mostClients = 1000

// A measure is one thing to find out, in each world; own is of no world.
type measure struct {
	name, about string
	run         func(*world, context.Context) error
}

func measures() []measure {
	return []measure{
		{"own", "what the generator itself costs", nil},
		{"rest", "memory at rest, and start to ready", (*world).rest},
		{"login", "right and wrong logins against the bare hash", (*world).logins},
		{"locked", "refusals of a locked user", (*world).locked},
		{"unknown", "an unknown user against a known one", (*world).unknown},
		{"unlock", "unlocking a locked user", (*world).unlock},
		{"burst", "300 and 1,000 parallel guesses at one user", (*world).bursts},
		{"chance", "the chance of a right guess that hides among 299 wrong ones", (*world).chance},
		{"attack", "an honest user while another one is attacked", (*world).attack},
		{"list", "lists of 100 and of 10,000 users", (*world).lists},
	}
}

// settings are what the command line says.
type settings struct {
	local, functions string
	worlds           []string
	only             []string // measures; empty for all
	crowds           []int    // how many clients ask at once
	rounds           int
	duration         time.Duration // of one thing in one round
	honest           time.Duration // of the honest user in one round
	idle             time.Duration // before the last reading of the memory
	tries            int           // of the chance
	many             int           // users of the long list
	rate             float64       // of the attack
	markdown         bool
	out              string // a file for benchstat
	goFile           string // what go test -bench wrote
}

func (s *settings) wants(name string) bool {
	return len(s.only) == 0 || slices.Contains(s.only, name)
}

// parse reads the command line.
func parse(arguments []string, stderr io.Writer) (settings, error) {
	var s settings
	var world, only, clients string
	var quick bool
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { usage(flags) }
	flags.StringVar(&s.local, "local", ".build/bin/local", "the compiled infra/local")
	flags.StringVar(&s.functions, "functions", ".build/functions", "`folder` of the compiled functions")
	flags.StringVar(&world, "world", "both", "the `world` to measure: embedded, functions or both")
	flags.StringVar(&only, "only", "", "measure these alone, by `NAME`, with commas between them")
	flags.StringVar(&clients, "clients", "1,8,32", "how many `clients` ask at once, one number after the other")
	flags.IntVar(&s.rounds, "rounds", 5, "how often each thing is measured")
	flags.DurationVar(&s.duration, "duration", 3*time.Second, "how long one thing is measured in one round")
	flags.DurationVar(&s.honest, "honest", 10*time.Second, "how long the honest user logs in, in one round, with and without an attack")
	flags.DurationVar(&s.idle, "idle", 8*time.Second, "how long the embedded server rests before the last reading of its memory; it gives memory back after five seconds")
	flags.Float64Var(&s.rate, "rate", 5000, "guesses a second of the attack")
	flags.IntVar(&s.tries, "tries", 60, "bursts that hide a right guess")
	flags.IntVar(&s.many, "many", 10_000, "users of the long list")
	flags.BoolVar(&quick, "quick", false, "two short rounds, few tries and a list of 1,000: to see that it works, not to compare; flags of yours win")
	flags.BoolVar(&s.markdown, "markdown", false, "print Markdown, to be pasted into infra/bench/RESULTS.md")
	flags.StringVar(&s.out, "out", ".build/bench/http.txt", "`file` for benchstat, a line for each round; \"\" for none")
	flags.StringVar(&s.goFile, "go", "", "`file` of Go benchmarks, to be told in a table of their own")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if quick {
		s.hurry(flags)
	}
	s.worlds = []string{world}
	if world == "both" {
		s.worlds = []string{embeddedWorld, functionsWorld}
	}
	if only != "" {
		s.only = strings.Split(only, ",")
	}
	return s, errors.Join(s.setCrowds(clients), s.check(), excess(flags))
}

// setCrowds reads numbers that grow.
func (s *settings) setCrowds(list string) error {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostClients || len(s.crowds) > 0 && n <= s.most() {
			return fmt.Errorf("-clients must be growing numbers from 1 to %d with commas between them, such as 1,8,32", mostClients)
		}
		s.crowds = append(s.crowds, n)
	}
	return nil
}

// most is the largest crowd.
func (s *settings) most() int { return s.crowds[len(s.crowds)-1] }

func usage(flags *flag.FlagSet) {
	w := flags.Output()
	fmt.Fprint(w, "Bench measures Portcullis against the bare hash and against itself.\n\nUsage: make bench ARGS=\"FLAGS\"\n\n")
	flags.PrintDefaults()
	fmt.Fprint(w, "\nWhat -only takes:\n")
	for _, m := range measures() {
		fmt.Fprintf(w, "  %-8s %s\n", m.name, m.about)
	}
}

// hurry sets what the command line left open to the least that shows something.
func (s *settings) hurry(flags *flag.FlagSet) {
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, set := range map[string]func(){
		"rounds":   func() { s.rounds = 2 },
		"duration": func() { s.duration = time.Second },
		"honest":   func() { s.honest = 3 * time.Second },
		"idle":     func() { s.idle = 5 * time.Second },
		"tries":    func() { s.tries = 5 },
		"many":     func() { s.many = 1000 },
	} {
		if !given[name] {
			set()
		}
	}
}

func excess(flags *flag.FlagSet) error {
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return nil
}

func (s *settings) check() error {
	switch {
	case s.rounds < 1 || s.rounds > 1000:
		return errors.New("-rounds must be from 1 to 1000")
	case s.duration < 100*time.Millisecond || s.honest < time.Second || s.idle < 0:
		return errors.New("-duration must be 100ms or more, -honest a second or more, and -idle not negative")
	case s.tries < 1 || s.tries > 100_000:
		return errors.New("-tries must be from 1 to 100000")
	case s.many < few || s.many > 1_000_000:
		return fmt.Errorf("-many must be from %d to 1000000", few)
	case s.rate < 1 || s.rate > 1e6:
		return errors.New("-rate must be from 1 to 1000000")
	}
	if world := s.worlds[0]; world != embeddedWorld && world != functionsWorld {
		return fmt.Errorf("-world knows %s, %s and both, and not %q", embeddedWorld, functionsWorld, world)
	}
	for _, name := range s.only {
		if !slices.ContainsFunc(measures(), func(m measure) bool { return m.name == name }) {
			return fmt.Errorf("-only does not know %q; -help lists the names", name)
		}
	}
	return nil
}

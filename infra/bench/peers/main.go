// Peers measures Portcullis beside two products that also lock users out after
// failed logins: HashiCorp Vault's userpass method and django-axes. All three run
// on this machine in the same run, and each step asks one after the other:
//
//		make bench-peers                  # about 25 minutes
//		make bench-peers ARGS=-quick      # 2 to 3 where nothing else runs
//
//	  - product.go says what a product is; portcullis.go, vault.go and django.go are
//	    the three; server.go starts them;
//	  - check.go wants each to lock, to refuse and to let in as the others do,
//	    before anything is measured;
//	  - steps.go are the steps, guesses.go the bursts of parallel guesses, memory.go
//	    what a server holds at rest;
//	  - report.go is the closing table, as text and for RESULTS.md.
//
// The one decision a reader must know: only ratios of the same round are told as
// ratios. The products differ in language, hash and store, so a figure by itself
// says little about the rule; RESULTS.md says what cannot be compared.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"portcullis/infra/bench/load"
	"portcullis/infra/child"
)

// settings are what the command line says.
type settings struct {
	local, vault, venv, site string
	markdown                 string // a file; "" for none

	quick  bool
	rounds int
	starts int           // of each product in a round
	quiet  time.Duration // before the memory at rest is read
	load   time.Duration // of each closed loop
	bursts int           // of wrong guesses, of each product in a round
	hidden time.Duration // of bursts with a right guess, of each product in a round
	guess  int           // wrong guesses in a burst
}

func main() {
	// A server dies with the thread that started it; see package child.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), child.Endings()...)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// parse reads the command line. What is given wins over -quick.
func parse(arguments []string, stderr io.Writer) (settings, error) {
	s := settings{}
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.local, "local", ".build/bin/local", "the compiled infra/local")
	flags.StringVar(&s.vault, "vault", ".build/bin/vault", "the compiled Vault")
	flags.StringVar(&s.venv, "venv", ".build/django", "virtual environment of django-axes")
	flags.StringVar(&s.site, "site", "infra/bench/peers/django", "`folder` of the site that django-axes guards")
	flags.StringVar(&s.markdown, "markdown", ".build/bench/peers.md", "write the tables for RESULTS.md to this `file` too")
	flags.BoolVar(&s.quick, "quick", false, "2 rounds and short steps, to see that it works: figures of it are rough")
	flags.IntVar(&s.rounds, "rounds", 5, "rounds, in each of which every product does every step")
	flags.IntVar(&s.starts, "starts", 3, "starts of each product in a round")
	flags.DurationVar(&s.quiet, "quiet", 5*time.Second, "how long a server rests before its memory is read")
	flags.DurationVar(&s.load, "load", 5*time.Second, "how long each closed loop asks")
	flags.IntVar(&s.bursts, "bursts", 2, "bursts of wrong guesses for each product in a round")
	flags.DurationVar(&s.hidden, "hidden", 45*time.Second, "how long each product gets bursts with a right guess in a round")
	flags.IntVar(&s.guess, "guesses", 300, "parallel wrong guesses in a burst")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if s.quick {
		if err := shorten(flags); err != nil {
			return s, err
		}
	}
	return s, s.check(flags.NArg())
}

// shorten makes the steps short that were not given.
func shorten(flags *flag.FlagSet) error {
	short := map[string]string{"rounds": "2", "starts": "1", "quiet": "2s", "load": "1s", "bursts": "1", "hidden": "4s"}
	flags.Visit(func(f *flag.Flag) { delete(short, f.Name) })
	for name, value := range short {
		if err := flags.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) check(arguments int) error {
	switch {
	case arguments > 0:
		return errors.New("there are no arguments but flags (-help lists them)")
	case s.rounds < 1 || s.rounds > 100 || s.starts < 1 || s.starts > 100 || s.bursts < 1 || s.bursts > 100:
		return errors.New("-rounds, -starts and -bursts must be from 1 to 100")
	case s.guess < 2*maximum || s.guess > 1000:
		return fmt.Errorf("-guesses must be from %d to 1000", 2*maximum)
	case s.quiet < 0 || s.load < 100*time.Millisecond || s.hidden < 0:
		return errors.New("-quiet and -hidden must not be negative, and -load 100ms or more")
	}
	return nil
}

func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	s, err := parse(arguments, stderr)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return err
	}
	products, err := s.products(folder)
	if err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	b := newBench(s, products, stderr)
	err = b.run(ctx)
	for _, p := range products {
		p.stop()
	}
	if err != nil {
		return fmt.Errorf("%w (the logs of the servers are in %s)", err, folder)
	}
	return errors.Join(b.report(stdout, load.ThisMachine(time.Now())), os.RemoveAll(folder))
}

// products are those that are compared, each with a folder of its own.
func (s *settings) products(folder string) ([]product, error) {
	folders := make([]string, 3)
	for i, name := range []string{"portcullis", "vault", "django"} {
		folders[i] = filepath.Join(folder, name)
		if err := os.Mkdir(folders[i], 0o700); err != nil {
			return nil, err
		}
	}
	site, err := filepath.Abs(s.site)
	if err != nil {
		return nil, err
	}
	return []product{
		&portcullis{program: s.local, folder: folders[0]},
		&vault{program: s.vault, folder: folders[1]},
		&django{venv: s.venv, site: site, folder: folders[2]},
	}, nil
}

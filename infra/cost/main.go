// Command cost prints what Portcullis costs on AWS: a million logins, a million
// hostile guesses, a month in which nobody logs in, what a user leaves in a year,
// and the attack that costs its owner most.
//
//	go run ./infra/cost -logins 1000000 -fail-rate 0.05
//
// The prices are inputs with a date each; -prices lays a JSON file over them, and
// -show-prices prints them with where they were read.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"portcullis/infra/cost/bill"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

// settings are what the flags set.
type settings struct {
	bill.Inputs
	month      bill.Month
	flood      float64
	prices     string
	showPrices bool
	perYear    float64
}

func run(args []string, out, errs io.Writer) error {
	s, err := parse(args, errs)
	if err != nil {
		return err
	}
	tariff := bill.Prices()
	if s.prices != "" {
		text, err := os.ReadFile(s.prices)
		if err != nil {
			return fmt.Errorf("reading prices: %w", err)
		}
		if err := tariff.Read(text); err != nil {
			return err
		}
	}
	if s.showPrices {
		return printPrices(out, tariff)
	}
	return print(out, s, tariff)
}

func parse(args []string, errs io.Writer) (settings, error) {
	s := settings{Inputs: bill.Assumed()}
	f := flag.NewFlagSet("cost", flag.ContinueOnError)
	f.SetOutput(errs)
	f.Float64Var(&s.month.Logins, "logins", 1e6, "attempts to log in, in the month")
	f.Float64Var(&s.month.FailRate, "fail-rate", 0.05, "the part of them with a wrong password")
	f.Float64Var(&s.month.LockRate, "lock-rate", 0.02, "the part of the wrong ones that lock")
	f.Float64Var(&s.month.Users, "users", 0, "who log in at least once; 0 is one in twenty attempts, a month of working days")
	f.IntVar(&s.Maximum, "maximum", s.Maximum, "failed logins that lock, 1 to 9")
	f.IntVar(&s.UserAgent, "user-agent", s.UserAgent, "bytes of the user agent, 0 to 256")
	f.DurationVar(&s.Hash, "hash", s.Hash, "one Argon2id hash on one vCPU")
	f.DurationVar(&s.Store, "store", s.Store, "one round trip to DynamoDB (assumed)")
	f.DurationVar(&s.Mint, "mint", s.Mint, "one call of Cognito for tokens (assumed)")
	f.Float64Var(&s.Cold, "cold", s.Cold, "the part of the requests that meet a cold start (assumed)")
	f.DurationVar(&s.Init, "init", s.Init, "a cold start (assumed)")
	f.IntVar(&s.LoginConcurrency, "login-concurrency", s.LoginConcurrency, "LoginConcurrency of the template")
	f.IntVar(&s.LoginRate, "login-rate", s.LoginRate, "LoginRate of the template")
	f.Float64Var(&s.flood, "flood", 10_000, "requests a second that an attacker sends")
	f.Float64Var(&s.perYear, "logins-per-user-year", 250, "logins of one user in a year")
	f.StringVar(&s.prices, "prices", "", "a JSON `file` of prices: [{\"unit\", \"dollars\", \"per\", \"page\", \"source\", \"seen\"}]")
	f.BoolVar(&s.showPrices, "show-prices", false, "print the prices, how old each is and where it was read")
	if err := f.Parse(args); err != nil {
		return settings{}, err
	}
	if s.month.Users == 0 {
		s.month.Users = s.month.Logins / 20
	}
	return s, s.check(f)
}

// check refuses what the bill has no answer for.
func (s settings) check(f *flag.FlagSet) error {
	part := func(x float64) bool { return x >= 0 && x <= 1 }
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	case !part(s.month.FailRate) || !part(s.month.LockRate) || !part(s.Cold):
		return errors.New("-fail-rate, -lock-rate and -cold are parts, from 0 to 1")
	case s.Maximum < 1 || s.Maximum > 9:
		return errors.New("-maximum is 1 to 9")
	case s.UserAgent < 0 || s.UserAgent > 256:
		return errors.New("-user-agent is 0 to 256")
	case s.month.Logins < 0 || s.month.Users < 0 || s.flood < 0 || s.perYear < 0:
		return errors.New("-logins, -users, -flood and -logins-per-user-year are 0 or more")
	case min(s.Hash, s.Store, s.Mint, s.Init) < 0 || s.Hash+s.Store > time.Minute:
		return errors.New("-hash, -store, -mint and -init are times, from 0s")
	case s.LoginConcurrency < 1 || s.LoginRate < 1:
		return errors.New("-login-concurrency and -login-rate are 1 or more")
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"portcullis/infra/bench/load"
)

// How the honest user and the attacker behave.
const (
	honestRate  = 10 // logins a second
	honestUsers = 10 // who log in by turns, so that a slow login does not meet the next
	attackers   = 64 // connections
	// settling is how long the attack is on before the honest user is timed; in it
	// the attacked user is locked.
	settling = time.Second
	// attackGoal is how much longer the slowest of a hundred may take.
	attackGoal = 2
)

// attack measures the logins of honest users with and without an attack on another
// user, by turns.
func (w *world) attack(ctx context.Context) error {
	people, err := w.people(ctx, "honest", honestUsers)
	if err != nil {
		return err
	}
	victims, err := w.people(ctx, "attacked", w.settings.rounds)
	if err != nil {
		return err
	}
	const quiet, attacked = "quiet", "attacked"
	var attacks []load.Sample
	refused := 1.0
	honest := func(ctx context.Context) (load.Sample, error) {
		next := func(client, _ int) load.Request { return w.login(people[client], password) }
		return w.ask(ctx, load.Load{Clients: honestUsers, Rate: honestRate, Duration: w.honest, Next: next}, http.StatusOK)
	}
	samples, err := w.rounds(ctx, "Attack/"+w.name, []load.Thing{
		{Name: quiet, Run: honest},
		{Name: attacked, Run: func(ctx context.Context) (load.Sample, error) {
			under, by, err := w.under(ctx, victims[len(attacks)], honest)
			attacks = append(attacks, by)
			refused = min(refused, float64(by.Statuses[http.StatusLocked])/float64(max(1, len(by.Times))))
			return under, err
		}},
	})
	if err != nil {
		return err
	}
	w.tellAttack(samples[quiet], samples[attacked], attacks, refused)
	return nil
}

// under does the honest work under an attack on the victim, and returns what came
// of both.
func (w *world) under(ctx context.Context, victim string, honest func(context.Context) (load.Sample, error)) (under, by load.Sample, err error) {
	request := w.login(victim, "wrong")
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() (err error) {
		attack := load.Load{
			Base: w.base, Clients: attackers, Rate: w.rate, Duration: settling + w.honest,
			Next: func(int, int) load.Request { return request },
		}
		by, err = attack.Run(ctx)
		return err
	})
	work.Go(func() (err error) {
		if err := pause(ctx, settling); err != nil {
			return err
		}
		under, err = honest(ctx)
		return err
	})
	err = work.Wait()
	return under, by, err
}

// tellAttack adds the table, and judges by the worse of two: the logins of all rounds
// together, since one round has few for a 99th percentile, and the median of the
// rounds' ratios. An attack that the server shed is none.
func (w *world) tellAttack(quiet, attacked, attacks []load.Sample, refused float64) {
	table := load.Table{
		Title: fmt.Sprintf("%s: honest users, %d logins a second; attacked: %s guesses a second at one other user, offered over %d connections",
			w.name, honestRate, load.Number(w.rate), attackers),
		Head: []string{"when", "logins", "p50", "p99", "p99 of all rounds", "guesses answered a second"}, Words: 1,
	}
	for _, row := range []struct {
		name    string
		samples []load.Sample
		guesses string
	}{
		{"quiet", quiet, "0"},
		{"attacked", attacked, load.Over(attacks, load.PerSecond).Text(load.Number)},
	} {
		all := pooled(row.samples)
		table.Add(row.name, fmt.Sprint(len(all.Times)), load.Over(row.samples, load.P50).Text(load.Nanoseconds),
			load.Over(row.samples, load.P99).Text(load.Nanoseconds), load.Nanoseconds(load.P99(all)), row.guesses)
	}
	ratio, rounds := load.P99(pooled(attacked))/load.P99(pooled(quiet)), load.Ratio(attacked, quiet, load.P99)
	table.Add("attacked ÷ quiet", "", load.Ratio(attacked, quiet, load.P50).Text(load.Times),
		rounds.Text(load.Times), load.Times(ratio))
	w.report.table(table)
	w.report.goal(fmt.Sprintf("%s: honest p99 under attack ≤ 2 × quiet", w.name),
		fmt.Sprintf("%s, by rounds %s, at %s guesses/s, of which 423 were %s at least", load.Times(ratio), rounds.Text(load.Times),
			load.Number(load.Over(attacks, load.PerSecond).Median), percent(refused)),
		max(ratio, rounds.Median) <= attackGoal && refused >= 1-mostOdd)
}

// pooled puts the rounds of a thing together.
func pooled(samples []load.Sample) load.Sample {
	var times []time.Duration
	var took time.Duration
	for _, s := range samples {
		times, took = append(times, s.Times...), took+s.Took
	}
	return load.NewSample(slices.Clone(times), took, nil)
}

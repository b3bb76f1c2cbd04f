package main

import (
	"context"
	"fmt"
	"math"
	"net/http"

	"portcullis/infra/bench/load"
)

// guesses is how often a user may be guessed at without a lock.
const guesses = maximum - 1

// The things that logins are compared with, and they.
const (
	free    = "bare hash"
	bounded = "bare hash, bounded"
	right   = "right"
	wrong   = "wrong"
)

// logins measures right and wrong logins against the bare hash.
func (w *world) logins(ctx context.Context) error {
	honest, err := w.people(ctx, "right", w.most())
	if err != nil {
		return err
	}
	guessed, err := w.people(ctx, "wrong", w.guessable(w.most()))
	if err != nil {
		return err
	}
	table := load.Table{
		Title: w.name + ": login ÷ bare Argon2id (m=19456, t=2, p=1), median (least to most) of the rounds",
		Head:  []string{"clients", "what", "p50", "p99", "a second", "p50 ÷ bare", "a second ÷ bare", "CPU time ÷ bare"}, Words: 2,
	}
	for _, clients := range w.crowds {
		cpu := make(meter)
		things := []load.Thing{
			cpu.on(w.hash.pid, load.Thing{Name: free, Run: w.hashing(clients, false)}),
			cpu.on(w.hash.pid, load.Thing{Name: bounded, Run: w.hashing(clients, true)}),
			cpu.on(w.server.PID, load.Thing{Name: right, Run: w.rightly(honest, clients)}),
			cpu.on(w.server.PID, w.wrongly(wrong, guessed, clients)),
		}
		title := fmt.Sprintf("Login/%s/clients=%d", w.name, clients)
		samples, err := w.rounds(ctx, title, things)
		if err != nil {
			return err
		}
		w.tellLogins(&table, clients, samples, cpu)
	}
	w.report.table(table)
	return nil
}

// guessable is how many users it takes that a round of guesses locks none: every
// client has users of its own, and none of them answers quicker than it hashes.
func (w *world) guessable(clients int) int {
	return int(math.Ceil(1.3*w.perSecond*w.duration.Seconds()/guesses)) + 2*clients
}

func (w *world) hashing(clients int, bound bool) func(context.Context) (load.Sample, error) {
	return func(ctx context.Context) (load.Sample, error) {
		return w.hash.run(ctx, hashing{Clients: clients, Bounded: bound, Duration: w.duration})
	}
}

// rightly logs each client in as a user of its own.
func (w *world) rightly(usernames []string, clients int) func(context.Context) (load.Sample, error) {
	requests := make([]load.Request, clients)
	for i := range requests {
		requests[i] = w.login(usernames[i], password)
	}
	next := func(client, _ int) load.Request { return requests[client] }
	return func(ctx context.Context) (load.Sample, error) {
		return w.ask(ctx, load.Load{Clients: clients, Next: next}, http.StatusOK)
	}
}

// wrongly lets each client guess at users of its own, at none of them so often
// that it locks. Before each round their counts are cleared.
func (w *world) wrongly(name string, usernames []string, clients int) load.Thing {
	requests := make([]load.Request, len(usernames))
	for i, username := range usernames {
		requests[i] = w.login(username, "wrong")
	}
	next := func(client, n int) load.Request {
		if i := client + clients*(n/guesses); i < len(requests) {
			return requests[i]
		}
		return nil
	}
	return load.Thing{
		Name:   name,
		Before: func(ctx context.Context) error { return w.forgive(ctx, usernames) },
		Run: func(ctx context.Context) (load.Sample, error) {
			return w.ask(ctx, load.Load{Clients: clients, Next: next}, http.StatusUnauthorized)
		},
	}
}

// tellLogins adds the rows of one crowd and judges the goals. The bare hash that
// counts is the quicker of the two.
func (w *world) tellLogins(table *load.Table, clients int, samples map[string][]load.Sample, cpu meter) {
	bare := quicker(samples[free], samples[bounded])
	for _, name := range []string{free, bounded, right, wrong} {
		s := samples[name]
		p50, perSecond := load.Ratio(s, samples[bare], load.P50), load.Ratio(s, samples[bare], load.PerSecond)
		shown := name
		if name == bare {
			shown += " (÷)"
		}
		table.Add(fmt.Sprint(clients), shown, load.Over(s, load.P50).Text(load.Nanoseconds), load.Over(s, load.P99).Text(load.Nanoseconds),
			load.Over(s, load.PerSecond).Text(load.Number), p50.Text(load.Times), perSecond.Text(load.Times), cpu.ratio(name, bare).Text(load.Times))
	}
	if w.name != embeddedWorld {
		return
	}
	if clients == 1 {
		ratio := load.Ratio(samples[right], samples[bare], load.P50)
		w.report.goal("right login p50 ≤ 1.10 × bare hash, "+crowd(clients), ratio.Text(load.Times), ratio.Median <= 1.10)
		return
	}
	ratio := load.Ratio(samples[right], samples[bare], load.PerSecond)
	w.report.goal("right logins a second ≥ 0.95 × bare hash, "+crowd(clients), ratio.Text(load.Times), ratio.Median >= 0.95)
}

// crowd is "1 client" or "8 clients".
func crowd(clients int) string {
	if clients == 1 {
		return "1 client"
	}
	return fmt.Sprintf("%d clients", clients)
}

// quicker names the bare hash that does more in a second.
func quicker(unbound, bound []load.Sample) string {
	if load.Over(bound, load.PerSecond).Median > load.Over(unbound, load.PerSecond).Median {
		return bounded
	}
	return free
}

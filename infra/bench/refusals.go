package main

import (
	"context"
	"fmt"
	"net/http"

	"portcullis/infra/bench/load"
)

// locked measures the refusals of users who are locked, each client at a user of
// its own.
func (w *world) locked(ctx context.Context) error {
	people, err := w.people(ctx, "locked", w.most())
	if err == nil {
		err = w.lock(ctx, people)
	}
	if err != nil {
		return err
	}
	table := load.Table{
		Title: w.name + ": refusals of locked users (423), by the right password",
		Head:  []string{"clients", "a second", "p50", "p99"}, Words: 1,
	}
	for _, clients := range w.crowds {
		next := func(client, _ int) load.Request { return w.login(people[client], password) }
		thing := load.Thing{Name: "refused", Run: func(ctx context.Context) (load.Sample, error) {
			return w.ask(ctx, load.Load{Clients: clients, Next: next}, http.StatusLocked)
		}}
		samples, err := w.rounds(ctx, fmt.Sprintf("Locked/%s/clients=%d", w.name, clients), []load.Thing{thing})
		if err != nil {
			return err
		}
		s := samples[thing.Name]
		perSecond := load.Over(s, load.PerSecond).Text(load.Number)
		if w.name == embeddedWorld {
			w.report.elsewhere("locked refusals a second ≥ 2 × Vault's, "+crowd(clients), perSecond, "make bench-peers")
		}
		table.Add(fmt.Sprint(clients), perSecond, load.Over(s, load.P50).Text(load.Nanoseconds), load.Over(s, load.P99).Text(load.Nanoseconds))
	}
	w.report.table(table)
	return w.forgive(ctx, people)
}

// unknown measures wrong logins of users who are there against those of names
// that nobody has, by one client.
func (w *world) unknown(ctx context.Context) error {
	known, err := w.people(ctx, "wrong", w.guessable(1))
	if err != nil {
		return err
	}
	const there, nowhere = "known", "unknown"
	strangers := 0
	things := []load.Thing{
		w.wrongly(there, known, 1),
		{Name: nowhere, Run: func(ctx context.Context) (load.Sample, error) {
			strangers++
			prefix := fmt.Sprintf("nobody-%d", strangers)
			next := func(_, n int) load.Request { return w.login(fmt.Sprint(prefix, "-", n/guesses), "wrong") }
			return w.ask(ctx, load.Load{Clients: 1, Next: next}, http.StatusUnauthorized)
		}},
	}
	samples, err := w.rounds(ctx, "Unknown/"+w.name, things)
	if err != nil {
		return err
	}
	table := load.Table{
		Title: w.name + ": a wrong login of an unknown user ÷ of a known one, 1 client",
		Head:  []string{"user", "p50", "p99", "p50 ÷ known"}, Words: 1,
	}
	for _, thing := range things {
		s := samples[thing.Name]
		table.Add(thing.Name, load.Over(s, load.P50).Text(load.Nanoseconds), load.Over(s, load.P99).Text(load.Nanoseconds),
			load.Ratio(s, samples[there], load.P50).Text(load.Times))
	}
	w.report.table(table)
	return nil
}

// unlockedARound is how many users one round unlocks: each must be locked first,
// by as many hashes as the maximum.
const unlockedARound = 20

// unlock measures unlocking by one Sysadmin, one user at a time.
func (w *world) unlock(ctx context.Context) error {
	people, err := w.people(ctx, "unlocked", unlockedARound)
	if err != nil {
		return err
	}
	lock := func(ctx context.Context) error { return w.lock(ctx, people) }
	thing := load.Thing{Name: "unlock", Before: lock, Run: func(ctx context.Context) (load.Sample, error) {
		header, err := w.bearer(ctx)
		if err != nil {
			return load.Sample{}, err
		}
		next := func(_, n int) load.Request {
			if n == len(people) {
				return nil
			}
			return load.NewRequest(w.base, "POST", w.path("/users/"+people[n]+"/unlock"), "", header...)
		}
		return w.ask(ctx, load.Load{Clients: 1, Duration: callTime, Next: next}, http.StatusOK)
	}}
	samples, err := w.rounds(ctx, "Unlock/"+w.name, []load.Thing{thing})
	if err != nil {
		return err
	}
	s := samples[thing.Name]
	table := load.Table{
		Title: fmt.Sprintf("%s: unlocking a locked user, 1 client, %d users a round", w.name, unlockedARound),
		Head:  []string{"call", "p50", "slowest"}, Words: 1,
	}
	table.Add("unlock", load.Over(s, load.P50).Text(load.Nanoseconds), load.Over(s, load.P99).Text(load.Nanoseconds))
	w.report.table(table)
	return nil
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"

	"portcullis/infra/bench/load"
)

// hidden is how many guesses hide a right one, and are the smaller burst.
const hidden = 300

// guess sends n wrong guesses at a user at one moment; the one at place, if there
// is such a place, is right.
func (w *world) guess(ctx context.Context, username string, n, place int) ([]load.Reply, error) {
	burst := load.Burst{Base: w.base, Warm: load.NewRequest(w.base, "GET", "/health", "")}
	for i := range n {
		guess := fmt.Sprintf("wrong-%d", i)
		if i == place {
			guess = password
		}
		burst.Requests = append(burst.Requests, w.login(username, guess))
	}
	return burst.Run(ctx)
}

// count counts the replies of a status.
func count(replies []load.Reply, status int) (n int) {
	for _, r := range replies {
		if r.Status == status {
			n++
		}
	}
	return n
}

// bursts sends many guesses at a fresh user at once, and counts those that were
// settled as compared: every one of them is in the evidence. That no more are hashed
// is what the server's processor says: a burst's time is that of the maximum of hashes
// and of the answers, and not of hundreds.
func (w *world) bursts(ctx context.Context) error {
	table := load.Table{
		Title: fmt.Sprintf("%s: parallel wrong guesses at a fresh user, maximum %d, every round", w.name, maximum),
		Head:  []string{"guesses", "settled", "401", "423", "429", "others", "last answer", "CPU time ÷ a hash"}, Words: 1,
	}
	for _, n := range []int{hidden, 1000} {
		most, least := 0, n
		for round := range w.settings.rounds {
			compared, err := w.burst(ctx, fmt.Sprintf("burst-%d-%d", n, round), n, &table)
			if err != nil {
				return err
			}
			most, least = max(most, compared), min(least, compared)
			fmt.Fprintf(w.progress, "bench: Burst/%s: %d guesses: %d compared\n", w.name, n, compared)
		}
		w.report.goal(fmt.Sprintf("%s: %d parallel guesses: compared = the maximum of %d", w.name, n, maximum),
			fmt.Sprintf("%d to %d", least, most), most == maximum && least == maximum)
	}
	w.report.table(table)
	return nil
}

func (w *world) burst(ctx context.Context, prefix string, n int, table *load.Table) (compared int, err error) {
	people, err := w.people(ctx, prefix, 1)
	if err != nil {
		return 0, err
	}
	before := spent(w.server.PID)
	replies, err := w.guess(ctx, people[0], n, -1)
	if err != nil {
		return 0, err
	}
	computed := spent(w.server.PID) - before
	var user struct {
		Evidence []any
	}
	if err := w.call(ctx, "GET", w.path("/users/"+people[0]), nil, http.StatusOK, &user); err != nil {
		return 0, err
	}
	wrong, locked, busy := count(replies, http.StatusUnauthorized), count(replies, http.StatusLocked), count(replies, http.StatusTooManyRequests)
	last := 0.0
	for _, r := range replies {
		last = max(last, float64(r.Took))
	}
	table.Add(fmt.Sprint(n), fmt.Sprint(len(user.Evidence)), fmt.Sprint(wrong), fmt.Sprint(locked), fmt.Sprint(busy),
		fmt.Sprint(n-wrong-locked-busy), load.Nanoseconds(last), load.Number(computed.Seconds()*w.perSecond/float64(runtime.GOMAXPROCS(0))))
	// The guess that locks is told 423, as are those that come after it.
	return max(len(user.Evidence), wrong), nil
}

// chance hides a right guess among wrong ones, again and again at fresh users,
// and counts how often it was let in.
func (w *world) chance(ctx context.Context) error {
	in := 0
	for i := range w.tries {
		people, err := w.people(ctx, fmt.Sprintf("chance-%d", i), 1)
		if err != nil {
			return err
		}
		replies, err := w.guess(ctx, people[0], hidden, rand.IntN(hidden))
		if err != nil {
			return err
		}
		in += count(replies, http.StatusOK)
		if (i+1)%10 == 0 || i+1 == w.tries {
			fmt.Fprintf(w.progress, "bench: Chance/%s: try %d of %d: let in %d times\n", w.name, i+1, w.tries, in)
		}
	}
	w.tellChance(in)
	return nil
}

func (w *world) tellChance(in int) {
	low, high := load.Wilson(in, w.tries)
	rule := float64(maximum) / hidden
	table := load.Table{
		Title: fmt.Sprintf("%s: one right guess among %d in parallel, maximum %d", w.name, hidden, maximum),
		Head:  []string{"tries", "let in", "share", "95 % interval", "maximum ÷ guesses"}, Words: 1,
	}
	table.Add(fmt.Sprint(w.tries), fmt.Sprint(in), percent(float64(in)/float64(w.tries)), percent(low)+" to "+percent(high), percent(rule))
	w.report.table(table)
	w.report.goal(fmt.Sprintf("%s: a hidden right guess is let in no more often than maximum ÷ guesses = %s", w.name, percent(rule)),
		fmt.Sprintf("%d of %d, %s to %s", in, w.tries, percent(low), percent(high)), low <= rule)
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"portcullis/infra/bench/load"
)

// A bench takes the products through the rounds.
type bench struct {
	settings
	products []product
	progress io.Writer
	figures  map[string]*figures // by the product's name
	users    int                 // that were made, of all products
}

// figures are what was measured of one product. What has one entry for each
// round is in the order of the rounds.
type figures struct {
	answered, ready []float64 // nanoseconds; of several starts, the median
	rss, pss, after []float64 // bytes; after is the pss after all other steps of a round
	bare, login     []load.Sample
	refused         map[int][]load.Sample // by the number of clients
	bursts          []outcome             // of wrong guesses
	hidden, gotIn   int                   // bursts with a right guess, and those in which it was let in
	odd             int                   // answers that are no verdict
}

// clients are the numbers of clients that ask to be refused at once.
func clients() []int { return []int{1, 8, 32} }

func newBench(s settings, products []product, progress io.Writer) *bench {
	b := &bench{settings: s, products: products, progress: progress, figures: make(map[string]*figures)}
	for _, p := range products {
		b.figures[p.name()] = &figures{refused: make(map[int][]load.Sample)}
	}
	return b
}

// A step is one thing that each product does in each round.
type step struct {
	name string
	do   func(context.Context, product, *figures) (told string, err error)
}

func (b *bench) steps() []step {
	steps := []step{
		{"start and memory", b.startAndRest},
		{"hash and login", b.hashAndLogin},
	}
	for _, n := range clients() {
		steps = append(steps, step{fmt.Sprintf("locked refusals, clients: %d", n), func(ctx context.Context, p product, f *figures) (string, error) {
			return b.refusals(ctx, p, f, n)
		}})
	}
	return append(steps,
		step{fmt.Sprintf("%d parallel wrong guesses", b.guess), b.overshoot},
		step{fmt.Sprintf("a right guess among %d", b.guess), b.hide},
		step{"memory after that", b.restAfter},
	)
}

// run starts and checks the products, and takes them through the rounds. Every
// other round goes backwards, so that no product always follows the same one.
func (b *bench) run(ctx context.Context) error {
	for _, p := range b.products {
		b.tell("first start and check of %s", p.name())
		if _, err := p.start(ctx); err != nil {
			return fmt.Errorf("starting %s: %w", p.name(), err)
		}
		if err := check(ctx, p); err != nil {
			return fmt.Errorf("checking %s: %w", p.name(), err)
		}
	}
	order := slices.Clone(b.products)
	for round := range b.rounds {
		for _, s := range b.steps() {
			for _, p := range order {
				told, err := s.do(ctx, p, b.figures[p.name()])
				if err != nil {
					return fmt.Errorf("%s, %s, round %d: %w", p.name(), s.name, round+1, err)
				}
				b.tell("round %d of %d, %s, %s: %s", round+1, b.rounds, s.name, p.name(), told)
			}
		}
		slices.Reverse(order)
	}
	return nil
}

func (b *bench) tell(format string, arguments ...any) {
	fmt.Fprintf(b.progress, "peers: "+format+"\n", arguments...)
}

// startAndRest starts the product anew a few times, and reads its memory when it
// has rested.
func (b *bench) startAndRest(ctx context.Context, p product, f *figures) (string, error) {
	var answered, ready []float64
	for range b.starts {
		p.stop()
		born, err := p.start(ctx)
		if err != nil {
			return "", err
		}
		answered, ready = append(answered, float64(born.answered)), append(ready, float64(born.ready))
	}
	f.answered = append(f.answered, load.SpreadOf(answered).Median)
	f.ready = append(f.ready, load.SpreadOf(ready).Median)
	if err := rest(ctx, b.quiet); err != nil {
		return "", err
	}
	m, err := memoryOf(p.pid())
	f.rss, f.pss = append(f.rss, float64(m.rss)), append(f.pss, float64(m.pss))
	return fmt.Sprintf("ready in %s, %s", load.Nanoseconds(f.ready[len(f.ready)-1]), mebibytes(float64(m.pss))), err
}

// restAfter reads the memory when the product has rested from its work.
func (b *bench) restAfter(ctx context.Context, p product, f *figures) (string, error) {
	if err := rest(ctx, b.quiet); err != nil {
		return "", err
	}
	m, err := memoryOf(p.pid())
	f.after = append(f.after, float64(m.pss))
	return mebibytes(float64(m.pss)), err
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hashAndLogin computes bare hashes, and then logs a user in, one login after
// the other.
func (b *bench) hashAndLogin(ctx context.Context, p product, f *figures) (string, error) {
	user, err := b.fresh(ctx, p)
	if err != nil {
		return "", err
	}
	bare, err := p.bare(ctx, b.load)
	if err != nil {
		return "", err
	}
	logins, err := b.ask(ctx, p, f, 1, p.guess(user, rightPassword), right)
	f.bare, f.login = append(f.bare, bare), append(f.login, logins)
	return fmt.Sprintf("%v a hash, %v a login", bare.P50(), logins.P50()), err
}

// refusals asks for a locked user as fast as the answers come.
func (b *bench) refusals(ctx context.Context, p product, f *figures, n int) (string, error) {
	user, err := b.lockedOut(ctx, p)
	if err != nil {
		return "", err
	}
	refused, err := b.ask(ctx, p, f, n, p.guess(user, wrongPassword(0)), locked)
	f.refused[n] = append(f.refused[n], refused)
	return load.Number(refused.PerSecond()) + " a second", err
}

// ask sends one request again and again, and wants the same verdict each time.
// An answer that is no verdict is counted as odd.
func (b *bench) ask(ctx context.Context, p product, f *figures, n int, request load.Request, want verdict) (load.Sample, error) {
	var odd atomic.Int64
	l := load.Load{
		Base: p.base(), Clients: n, Duration: b.load,
		Next: func(int, int) load.Request { return request },
		Heard: func(_, _ int, a load.Answer) error {
			switch got := p.judge(a); got {
			case want:
			case other:
				odd.Add(1)
			default:
				return fmt.Errorf("%w: got %s, want %s", errUnlike, got, want)
			}
			return nil
		},
	}
	sample, err := l.Run(ctx)
	f.odd += int(odd.Load())
	return sample, err
}

// overshoot guesses wrong, all at once.
func (b *bench) overshoot(ctx context.Context, p product, f *figures) (string, error) {
	most := 0
	for range b.bursts {
		o, err := b.burst(ctx, p, -1)
		if err != nil {
			return "", err
		}
		f.bursts, most = append(f.bursts, o), max(most, o.compared)
	}
	return fmt.Sprintf("%d compared", most), nil
}

// hide hides a right guess among wrong ones, one burst after the other until the
// time is over.
func (b *bench) hide(ctx context.Context, p product, f *figures) (string, error) {
	tries, gotIn := 0, 0
	for began := time.Now(); tries == 0 || time.Since(began) < b.hidden; tries++ {
		o, err := b.burst(ctx, p, b.anyPlace())
		if err != nil {
			return "", err
		}
		if o.gotIn {
			gotIn++
		}
	}
	f.hidden, f.gotIn = f.hidden+tries, f.gotIn+gotIn
	return fmt.Sprintf("let in %d of %d times", gotIn, tries), nil
}

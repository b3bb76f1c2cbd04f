package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"portcullis/infra/bench/load"
)

// goal is how many times Vault's locked refusals Portcullis must give.
const goal = 2

// report writes the tables as text, and for a page into the file of -markdown.
func (b *bench) report(out io.Writer, machine load.Machine) error {
	tables := b.tables()
	if b.markdown != "" {
		if err := b.page(tables, machine); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s\n%s\n\n", machine, b.scope())
	for _, t := range tables {
		if err := t.Text(out); err != nil {
			return err
		}
	}
	for _, p := range b.products {
		if odd := b.figures[p.name()].odd; odd > 0 {
			fmt.Fprintf(out, "%s gave %d answers that are no verdict; they are counted above.\n", p.name(), odd)
		}
	}
	fmt.Fprintln(out, b.judgement())
	if b.markdown != "" {
		fmt.Fprintf(out, "The same for infra/bench/RESULTS.md is in %s.\n", b.markdown)
	}
	return nil
}

// page writes the section of RESULTS.md that a run gives.
func (b *bench) page(tables []load.Table, machine load.Machine) (err error) {
	if err := os.MkdirAll(filepath.Dir(b.markdown), 0o755); err != nil {
		return err
	}
	f, err := os.Create(b.markdown)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	fmt.Fprintf(f, "%s\n%s\n\n", machine, b.scope())
	for _, p := range b.products {
		fmt.Fprintf(f, "- %s: %s.\n", p.name(), p.about())
	}
	fmt.Fprintln(f)
	for _, t := range tables {
		if err := t.Markdown(f); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(f, b.judgement())
	return err
}

// scope says what the numbers are of.
func (b *bench) scope() string {
	return fmt.Sprintf("Rounds: %d, each product in turn. Numbers are the median of the rounds (least to most); ratios are taken within a round.", b.rounds)
}

func (b *bench) tables() []load.Table {
	return []load.Table{b.guessTable(), b.refusalTable(), b.loginTable(), b.restTable()}
}

// guessTable tells what parallel guesses come to.
func (b *bench) guessTable() load.Table {
	t := load.Table{
		Title: fmt.Sprintf("%d parallel wrong guesses at a user whom %d lock; and one right guess hidden among them", b.guess, maximum),
		Words: 1,
		Head:  []string{"", "compared", "over the maximum", "told wrong", "no verdict", "right one let in", "95 % interval", "max/N"},
	}
	for _, p := range b.products {
		f := b.figures[p.name()]
		var compared, over, wrongs, none []float64
		for _, o := range f.bursts {
			compared, over = append(compared, float64(o.compared)), append(over, float64(o.compared-maximum))
			wrongs, none = append(wrongs, float64(o.tally[wrong])), append(none, float64(o.tally[other]))
		}
		low, high := load.Wilson(f.gotIn, f.hidden)
		t.Add(p.name(), whole(compared), whole(over), whole(wrongs), whole(none),
			fmt.Sprintf("%d of %d, %s", f.gotIn, f.hidden, percent(float64(f.gotIn)/float64(max(1, f.hidden)))),
			percent(low)+" to "+percent(high), percent(float64(maximum)/float64(b.guess+1)))
	}
	return t
}

// refusalTable tells how many guesses at a locked user are refused in a second.
func (b *bench) refusalTable() load.Table {
	t := load.Table{Title: "Locked refusals a second", Words: 1, Head: []string{""}}
	for _, n := range clients() {
		t.Head = append(t.Head, fmt.Sprintf("clients: %d", n))
	}
	for _, p := range b.products {
		row := []string{p.name()}
		for _, n := range clients() {
			row = append(row, load.Over(b.figures[p.name()].refused[n], load.PerSecond).Text(load.Number))
		}
		t.Add(row...)
	}
	for _, p := range b.products[1:] {
		row := []string{b.products[0].name() + " ÷ " + p.name()}
		for _, n := range clients() {
			row = append(row, b.refusalRatio(p, n).Text(load.Number))
		}
		t.Add(row...)
	}
	return t
}

// refusalRatio is how many times a product's refusals the first product gives.
func (b *bench) refusalRatio(p product, n int) load.Spread {
	return load.Ratio(b.figures[b.products[0].name()].refused[n], b.figures[p.name()].refused[n], load.PerSecond)
}

// loginTable tells what a login costs beside its hash.
func (b *bench) loginTable() load.Table {
	t := load.Table{Title: "A right login, one after the other (p50)", Words: 1, Head: []string{"", "its bare hash", "login", "login ÷ hash"}}
	for _, p := range b.products {
		f := b.figures[p.name()]
		t.Add(p.name(), load.Over(f.bare, load.P50).Text(load.Nanoseconds), load.Over(f.login, load.P50).Text(load.Nanoseconds),
			load.Ratio(f.login, f.bare, load.P50).Text(load.Times))
	}
	return t
}

// restTable tells what it costs to have the product running.
func (b *bench) restTable() load.Table {
	t := load.Table{Title: "At rest, and from the start of the process", Words: 1, Head: []string{"", "PSS", "RSS", "PSS after the work", "first answer", "lets people in"}}
	for _, p := range b.products {
		f := b.figures[p.name()]
		t.Add(p.name(), load.SpreadOf(f.pss).Text(mebibytes), load.SpreadOf(f.rss).Text(mebibytes), load.SpreadOf(f.after).Text(mebibytes),
			load.SpreadOf(f.answered).Text(load.Nanoseconds), load.SpreadOf(f.ready).Text(load.Nanoseconds))
	}
	return t
}

// judgement says whether the goal is reached.
func (b *bench) judgement() string {
	text, reached := "", true
	for _, n := range clients() {
		ratio := b.refusalRatio(b.products[1], n).Median
		text += fmt.Sprintf(" %s at %d,", load.Number(ratio), n)
		reached = reached && ratio >= goal
	}
	word := "not reached"
	if reached {
		word = "reached"
	}
	return fmt.Sprintf("Locked refusals, in times of Vault's:%s where the goal is %d: %s.", text, goal, word)
}

func whole(values []float64) string {
	return load.SpreadOf(values).Text(func(n float64) string { return fmt.Sprintf("%.0f", n) })
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func mebibytes(n float64) string { return fmt.Sprintf("%.1f MiB", n/(1<<20)) }

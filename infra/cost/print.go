package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"portcullis/infra/cost/bill"
)

// A page is text with tables in it. The first error of the writer ends it.
type page struct {
	*tabwriter.Writer
}

func newPage(out io.Writer) page { return page{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)} }

func (p page) line(format string, values ...any) { fmt.Fprintf(p, format+"\n", values...) }

// title begins a table of its own.
func (p page) title(format string, values ...any) {
	p.Flush()
	p.line("\n"+format, values...)
	p.Flush()
}

func print(out io.Writer, s settings, t bill.Tariff) error {
	p := newPage(out)
	p.line("Prices of %s, none of them sure: -show-prices tells how old each is and where it was read.", bill.Region)
	p.line("A login: hash %s, %s for each of two round trips, %s for the tokens; cold starts %.1f %%; user agents of %d bytes.",
		s.Hash, s.Store, s.Mint, 100*s.Cold, s.UserAgent)
	p.requests(s, t)
	p.month(s, t)
	p.standing(t)
	p.stored(s, t)
	p.attacks(s, t)
	return p.Flush()
}

// requests prints what one request of each kind costs.
func (p page) requests(s settings, t bill.Tariff) {
	p.title("What becomes of a request, and what a million of these cost")
	p.line("request\t$ a million\twrite units\tread units\tGB-s\tLambda\tgateway\tWAF\tCognito\tlog bytes")
	for _, k := range bill.Kinds() {
		a := s.Request(k).Amount
		p.line("%s\t%.2f\t%.2f\t%.2f\t%.4f\t%.0f\t%.0f\t%.0f\t%.2f\t%.0f", k, t.Dollars(a)*1e6, a[bill.WriteUnits], a[bill.ReadUnits],
			a[bill.GBSeconds], a[bill.Invocations], a[bill.GatewayRequests], a[bill.FirewallRequests], a[bill.MintRequests], a[bill.LogGB]*(1<<30))
	}
	p.Flush()
	for _, k := range bill.Kinds() {
		if doubt := s.Request(k).Doubt; doubt != "" {
			p.line("  %s: %s", k, doubt)
		}
	}
}

func (p page) month(s settings, t bill.Tariff) {
	m, a := s.month, s.Month(s.month)
	p.title("A month of %.0f attempts by %.0f users, %.1f %% wrong, of which %.1f %% lock", m.Logins, m.Users, 100*m.FailRate, 100*m.LockRate)
	p.amounts(a, t)
	p.line("all of it\t\t%.2f", t.Dollars(a))
	active := bill.Amount{bill.ActiveUsers: a[bill.ActiveUsers]}
	p.line("of which Cognito's active users\t\t%.2f", t.Dollars(active))
	if m.Logins > 0 {
		p.line("a million logins, without these\t\t%.2f", (t.Dollars(a)-t.Dollars(active))/m.Logins*1e6)
	}
}

func (p page) standing(t bill.Tariff) {
	p.title("A month in which nobody logs in, at most: a metric is billed by the hours in which it is told something")
	p.amounts(bill.Standing(), t)
	p.line("all of it\t\t%.2f", t.Dollars(bill.Standing()))
}

// amounts prints the lines of a bill.
func (p page) amounts(a bill.Amount, t bill.Tariff) {
	p.line("unit\tamount\t$")
	for _, u := range bill.Units() {
		if a[u] == 0 {
			continue
		}
		dollars := "no price"
		if _, priced := t[u]; priced {
			dollars = fmt.Sprintf("%.2f", t.Dollars(bill.Amount{u: a[u]}))
		}
		p.line("%s\t%.4g\t%s", u, a[u], dollars)
	}
}

func (p page) stored(s settings, t bill.Tariff) {
	const locks = 1
	kept := s.Year(s.perYear, locks)
	p.title("What one user leaves in a year of %.0f logins and one lock", s.perYear)
	p.line("bytes\tuser %.0f\trecord %.0f\ttrail %.0f\tlogs %.0f", kept.UserBytes, kept.RecordBytes, kept.EntryBytes, kept.LogBytes)
	p.line("$ a month for a million such users, at the year's end\t%.2f", t.Dollars(kept.Amount)*1e6)
}

func (p page) attacks(s settings, t bill.Tariff) {
	p.title("What strangers can make us spend who send %.0f requests a second (from %.0f addresses or more, under the firewall's rate rule)",
		s.flood, s.Addresses(s.flood))
	p.line("request\t$ a million\tat most a second\t$ a day\tbounded by")
	for _, a := range s.Attacks(t, s.flood) {
		p.line("%s\t%.2f\t%.0f\t%.2f\t%s", a.Kind, a.PerMillion, a.Rate, a.PerDay, a.Bound)
	}
}

func printPrices(out io.Writer, t bill.Tariff) error {
	p := newPage(out)
	p.line("unit\t$\tper\tseen\tread in\ttoday's is on")
	for _, u := range bill.Units() {
		price, priced := t[u]
		if !priced {
			continue
		}
		number := strings.TrimRight(fmt.Sprintf("%.10f", price.Dollars), "0")
		p.line("%s\t%s\t%.0f\t%s\t%s\t%s", u, strings.TrimSuffix(number, "."), price.Per, price.Seen, price.Source, price.Page)
	}
	return p.Flush()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"portcullis/infra/faults"
	"portcullis/infra/soak/ledger"
)

// How many there are of each.
const (
	honestMembers = 6
	idleMembers   = 3 // who are guessed at and never come
	attackers     = 3
	unlockersN    = 2
	comersN       = 2
)

// What a request may take effect late: an attempt lives no longer than a
// function, ten seconds, and an unheard one keeps its place 30 s more.
const (
	linger = 12 * time.Second
	stuck  = 50 * time.Second
)

// graceTime bounds what is done after the traffic: waiting, unlocking, reading.
const graceTime = 5 * time.Minute

// A world is what is soaked, and how.
type world struct {
	name     string
	server   *server
	rules    ledger.Rules
	proxy    *faults.Proxy // between the server and its stores; nil for none
	faults   float64       // the share of tries that fail
	kills    int
	policies time.Duration // between two changes of the policy, at least
	seed     uint64
	progress io.Writer
}

// run soaks the world until the time is over or the context ends, whichever is
// first, and checks what was told.
func (w *world) run(ctx context.Context, duration time.Duration) (report, error) {
	began := time.Now()
	calls, cancel := context.WithTimeout(context.WithoutCancel(ctx), duration+graceTime)
	defer cancel()
	s, err := w.open(calls)
	if err != nil {
		return report{}, err
	}
	work, stop := context.WithTimeout(ctx, duration)
	defer stop()
	gauge := &gauge{server: w.server}
	failed := w.drive(work, calls, s, duration, gauge)
	if w.proxy != nil {
		w.proxy.Inject(nil)
	}
	if failed != nil {
		return report{}, failed
	}
	fmt.Fprintf(w.progress, "soak: %s: the traffic is over; waiting until nothing can take effect any more\n", w.name)
	pause(calls, linger)
	r := report{world: w.name, took: time.Since(began), counts: s.counts, book: s.book}
	if w.proxy != nil {
		r.faults = w.proxy.Counts()
	}
	r.flat, r.isFlat = gauge.verdict()
	err = s.settle(calls, &r)
	return r, err
}

// open makes the users.
func (w *world) open(ctx context.Context) (*soak, error) {
	root := w.server.people[slices.IndexFunc(w.server.people, func(p person) bool { return p.Role == "Sysadmin" })]
	s := &soak{
		client: &client{
			server: w.server, counts: newCounts(),
			http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}},
		},
		book: ledger.New(), tenant: root.Client, help: make(chan string, 100), rules: w.rules,
	}
	s.root = &sysadmin{soak: s, person: root}
	r := rand.New(rand.NewPCG(w.seed, 0))
	for n := range honestMembers + idleMembers {
		m := &member{name: fmt.Sprintf("member.%d.%06d", n, r.IntN(1_000_000)), password: fmt.Sprintf("right-%d-a", r.Uint64())}
		t := s.root.call(ctx, "create", "POST", "/clients/"+s.tenant+"/users",
			map[string]string{"username": m.name, "password": m.password, "role": "Manager"})
		if t.status != http.StatusCreated {
			return nil, fmt.Errorf("making the users: status %d %s", t.status, t.Type)
		}
		s.book.Add(op(ledger.Forget, m.name, t))
		s.members = append(s.members, m)
	}
	return s, nil
}

// drive lets all of them loose, kills the server and measures it meanwhile, and
// returns when all have ended.
func (w *world) drive(work, calls context.Context, s *soak, duration time.Duration, g *gauge) error {
	work, stop := context.WithCancel(work)
	defer stop()
	if w.proxy != nil {
		w.proxy.Inject(w.rule())
	}
	var all sync.WaitGroup
	dice := uint64(0)
	start := func(n int, one func(n int, r *rand.Rand)) {
		for i := range n {
			dice++
			r := rand.New(rand.NewPCG(w.seed, dice))
			all.Go(func() { one(i, r) })
		}
	}
	start(honestMembers, func(n int, r *rand.Rand) { s.honest(work, calls, s.members[n], r) })
	start(attackers, func(n int, r *rand.Rand) { s.attack(work, calls, r, n) })
	start(unlockersN, func(_ int, r *rand.Rand) { s.unlockers(work, calls, r) })
	start(comersN, func(n int, r *rand.Rand) { s.comings(work, calls, r, fmt.Sprintf("comer.%d", n)) })
	start(1, func(_ int, r *rand.Rand) { s.lookers(work, calls, r) })
	start(1, func(_ int, r *rand.Rand) { s.policies(work, calls, r, w.policies) })
	start(1, func(int, *rand.Rand) { w.watch(work, s, g, duration) })
	err := w.kill(work, duration)
	if err != nil {
		stop()
	}
	all.Wait()
	return err
}

// rule is what goes wrong between the functions and the stores: a share of the
// tries, which the next try mends, and half that share of the calls with all
// their tries, which then end in 503. A parameter that is read as it once was
// would be a maximum of any age.
func (w *world) rule() faults.Rule {
	kinds := faults.Kinds()
	passing := faults.Random(w.seed, w.faults, kinds...)
	return func(c faults.Call) faults.Kind {
		hash := fnv.New64a()
		_, _ = hash.Write([]byte(c.ID)) // a hash takes all
		sum := hash.Sum64()
		kind := passing(c)
		if float64(sum%lots) < w.faults/2*lots {
			kind = kinds[sum/lots%uint64(len(kinds))]
		}
		if kind == faults.Stale && c.Service == "ssm" {
			return faults.None
		}
		return kind
	}
}

// lots is how finely calls are told apart that fail with all their tries.
const lots = 10_000

// kill kills the server in the first half of the time, so that what runs in the
// second can be measured.
func (w *world) kill(ctx context.Context, duration time.Duration) error {
	for n := range w.kills {
		if !pause(ctx, duration/2/time.Duration(w.kills)) {
			break
		}
		if err := w.server.restart(); err != nil {
			return err
		}
		fmt.Fprintf(w.progress, "soak: %s: killed the server and started it anew (%d of %d)\n", w.name, n+1, w.kills)
	}
	<-ctx.Done()
	return nil
}

// tellEvery is how many samples of the gauge are between two lines of progress.
const tellEvery = 5

// watch measures, and tells how far it is.
func (w *world) watch(ctx context.Context, s *soak, g *gauge, duration time.Duration) {
	began := time.Now()
	for n := 1; pause(ctx, sampleEvery); n++ {
		g.sample()
		if n%tellEvery != 0 {
			continue
		}
		memory := ""
		if len(g.memory) > 0 {
			memory = fmt.Sprintf(", %s, %d files", mebibytes(g.memory[len(g.memory)-1]), g.files[len(g.files)-1])
		}
		fmt.Fprintf(w.progress, "soak: %s: %v of %v, %d requests, %d logins, %d guesses, %d unlocks%s\n", w.name,
			time.Since(began).Round(time.Second), duration, s.counts.total(""), s.counts.total("login"), s.counts.total("guess"),
			s.counts.total("unlock")+s.counts.total("unlock many"), memory)
	}
}

// settle reads the state of everybody when all is quiet, and compares it with the
// ledger and the trail.
func (s *soak) settle(ctx context.Context, r *report) error {
	if err := s.readMembers(ctx, r); err != nil {
		return err
	}
	var accounts []ledger.Account
	for _, user := range s.book.Users() {
		account := s.book.Check(s.rules, user)
		accounts = append(accounts, account)
		if account.Exact {
			r.exact++
		}
		r.differences = append(r.differences, account.Differences...)
	}
	locks, err := s.trail(ctx, lockAction)
	if err != nil {
		return err
	}
	unlocks, err := s.trail(ctx, unlockAction)
	if err != nil {
		return err
	}
	r.users, r.locks, r.unlocks = len(accounts), len(locks), len(unlocks)
	r.differences = append(r.differences, matchTrail(s.book, accounts, locks, unlocks)...)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.differences = append(r.differences, s.odd...)
	return nil
}

// readMembers reads the count and the lock of each member, and who is in the list
// of the locked.
func (s *soak) readMembers(ctx context.Context, r *report) error {
	path := "/clients/" + s.tenant + "/users?locked=true&limit=100&q=member."
	list := s.insist(ctx, func() told { return s.root.call(ctx, "list", "GET", path, nil) }, func(told) {})
	if list.status != http.StatusOK {
		return fmt.Errorf("listing the locked users: status %d %s", list.status, list.Type)
	}
	for _, m := range s.members {
		account := s.book.Check(s.rules, m.name)
		t := s.insist(ctx, func() told { return s.look(ctx, m.name) }, func(told) {})
		if !t.heard() {
			return errors.New("the server does not answer any more")
		}
		r.account(account, t.Failed)
		listed := slices.ContainsFunc(list.Users, func(u struct{ Username string }) bool { return u.Username == m.name })
		if listed != t.Locked {
			r.differ("%q is locked: %t; in the list of the locked: %t", m.name, t.Locked, listed)
		}
	}
	return nil
}

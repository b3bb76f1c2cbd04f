package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"portcullis/infra/soak/ledger"
)

// A soak is the traffic on one server, and what it was told.
type soak struct {
	*client
	book    *ledger.Ledger
	tenant  string // the client that all of it is about
	root    *sysadmin
	members []*member
	help    chan string // who is locked and wants to be let in
	rules   ledger.Rules

	mu  sync.Mutex
	odd []string // answers that nobody should get
}

// A member is a user who exists throughout. The goroutine that logs them in is
// the only one that changes their password.
type member struct {
	name     string
	password string
	old      string // a password they had before; "" if none
}

// odds keeps an answer that nobody should get.
func (s *soak) odds(kind, user string, t told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.odd = append(s.odd, fmt.Sprintf("%s of %q was answered with %d %s (request %s)", kind, user, t.status, t.Type, t.id))
}

func (s *soak) oddIfHeard(kind, user string, t told) {
	if t.heard() {
		s.odds(kind, user, t)
	}
}

// op begins an entry of the ledger.
func op(kind ledger.Kind, user string, t told) ledger.Op {
	return ledger.Op{User: user, Kind: kind, Began: t.began, Ended: t.ended, Heard: t.heard(), RequestID: t.id, Dead: t.dead}
}

// verdicts are what the statuses of a login mean.
var verdicts = map[int]ledger.Verdict{
	http.StatusOK: ledger.Welcome, http.StatusUnauthorized: ledger.Wrong,
	http.StatusLocked: ledger.Locked, http.StatusTooManyRequests: ledger.Busy,
}

// login tries a password, and writes down what was said.
func (s *soak) login(ctx context.Context, kind, username, password string, guess ledger.Guess) told {
	t := s.call(ctx, kind, "POST", "/login", "", map[string]string{"client": s.tenant, "username": username, "password": password})
	o := op(ledger.Attempt, username, t)
	o.Guess, o.Verdict, o.Remaining = guess, verdicts[t.status], t.Remaining
	if t.heard() && o.Verdict == ledger.Unheard {
		s.odds(kind, username, t)
		o.Heard = false
	}
	s.book.Add(o)
	return t
}

// renew asks for new tokens of a session. It tells whether the user is locked,
// which is looked at before whether they have logged out.
func (s *soak) renew(ctx context.Context, m *member, session string, ended bool) {
	t := s.call(ctx, "refresh", "POST", "/token", "", map[string]string{"refresh_token": session})
	o := op(ledger.Read, m.name, t)
	o.Failed = ledger.Unknown
	switch {
	case !t.heard():
	case ended && t.status == http.StatusUnauthorized:
	case !ended && t.status == http.StatusOK, t.status == http.StatusLocked:
		o.Locked = t.status == http.StatusLocked
		s.book.Add(o)
	default:
		s.odds("refresh", m.name, t)
	}
}

// insist repeats a request until its answer is heard, and returns that. Each try
// is shown to note.
func (s *soak) insist(ctx context.Context, ask func() told, note func(told)) told {
	for {
		t := ask()
		note(t)
		if t.heard() || ctx.Err() != nil {
			return t
		}
		pause(ctx, time.Second)
	}
}

// pause waits, and reports whether there is more to do.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// between returns a random time.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// ask puts somebody on the Sysadmins' list, if there is room.
func (s *soak) ask(name string) {
	select {
	case s.help <- name:
	default:
	}
}

// guess is a password that is nobody's.
func guess(r *rand.Rand) string { return fmt.Sprintf("guess-%d", r.Uint64()) }

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

// atOnce is how many logins an integration of an honest user makes at a time.
const atOnce = 4

// honest is somebody who works: they log in, mistype now and then, keep their
// session, log out, and get another password.
func (s *soak) honest(work, calls context.Context, m *member, r *rand.Rand) {
	session := ""
	for pause(work, between(r, 50*time.Millisecond, 400*time.Millisecond)) {
		switch n := r.IntN(100); {
		case n < 45:
			session = s.enter(calls, m, session)
		case n < 60:
			s.mistype(calls, m, r)
		case n < 80 && session != "":
			s.renew(calls, m, session, false)
		case n < 88 && session != "":
			s.leave(calls, m, session)
			session = ""
		case n < 93:
			s.change(calls, m, session, r)
			session = ""
		default:
			s.integration(calls, m)
		}
	}
}

// enter logs in with the right password, and returns the session.
func (s *soak) enter(ctx context.Context, m *member, session string) string {
	t := s.login(ctx, "login", m.name, m.password, ledger.Good)
	if t.status == http.StatusLocked {
		s.ask(m.name)
	}
	if t.RefreshToken != "" {
		return t.RefreshToken
	}
	return session
}

// mistype logs in with a password that is not theirs, or not theirs any more.
func (s *soak) mistype(ctx context.Context, m *member, r *rand.Rand) {
	password := guess(r)
	if m.old != "" && r.IntN(2) == 0 {
		password = m.old
	}
	if t := s.login(ctx, "login", m.name, password, ledger.Bad); t.status == http.StatusLocked {
		s.ask(m.name)
	}
}

// leave logs out, and sees that the session is over.
func (s *soak) leave(ctx context.Context, m *member, session string) {
	t := s.insist(ctx, func() told {
		return s.call(ctx, "logout", "POST", "/logout", "", map[string]string{"refresh_token": session})
	}, func(told) {})
	switch {
	case !t.heard():
	case t.status == http.StatusNoContent:
		s.renew(ctx, m, session, true)
	default:
		s.odds("logout", m.name, t)
	}
}

// change has a Sysadmin set another password, which ends the session. The
// password is certain again only when the change was heard.
func (s *soak) change(ctx context.Context, m *member, session string, r *rand.Rand) {
	next := fmt.Sprintf("right-%d-a", r.Uint64())
	t := s.insist(ctx, func() told {
		return s.root.call(ctx, "set password", "PUT", userPath(s.tenant, m.name)+"/password", map[string]string{"password": next})
	}, func(told) {})
	switch {
	case !t.heard():
	case t.status == http.StatusNoContent:
		m.old, m.password = m.password, next
		if session != "" {
			s.renew(ctx, m, session, true)
		}
	default:
		s.odds("set password", m.name, t)
	}
}

// integration logs in several times at once, each with the right password.
func (s *soak) integration(ctx context.Context, m *member) {
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() { s.login(ctx, "login", m.name, m.password, ledger.Good) })
	}
	all.Wait()
}

// comings has users come and go, one after the other, each under a name that is
// used twice.
func (s *soak) comings(work, calls context.Context, r *rand.Rand, who string) {
	for n := 0; pause(work, between(r, 500*time.Millisecond, 1500*time.Millisecond)); n++ {
		name := fmt.Sprintf("%s.%d", who, n)
		for range 2 {
			s.stay(calls, name, r)
		}
	}
}

// stay is the time of a user from their creation to their deletion, and a guess
// after it.
func (s *soak) stay(ctx context.Context, name string, r *rand.Rand) {
	password := fmt.Sprintf("right-%d-a", r.Uint64())
	forget := func(t told) { s.book.Add(op(ledger.Forget, name, t)) }
	made := s.insist(ctx, func() told {
		return s.root.call(ctx, "create", "POST", "/clients/"+s.tenant+"/users",
			map[string]string{"username": name, "password": password, "role": "ITUser"})
	}, forget)
	switch made.status {
	case http.StatusCreated, http.StatusConflict: // with 409, by a try that was not heard
	default:
		s.oddIfHeard("create", name, made)
		return
	}
	for range r.IntN(7) {
		s.login(ctx, "login", name, guess(r), ledger.Bad)
	}
	s.login(ctx, "login", name, password, ledger.Good)
	gone := s.insist(ctx, func() told {
		return s.root.call(ctx, "delete", "DELETE", userPath(s.tenant, name), nil)
	}, forget)
	switch gone.status {
	case http.StatusNoContent, http.StatusNotFound:
	default:
		s.oddIfHeard("delete", name, gone)
		return
	}
	for range r.IntN(3) {
		s.login(ctx, "login", name, password, ledger.Bad)
	}
}

package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"portcullis/infra/soak/ledger"
)

// A sysadmin calls the API with a token, and gets another one when that is
// refused.
type sysadmin struct {
	soak *soak
	person

	mu    sync.Mutex
	token string
}

// call makes one request as the Sysadmin.
func (a *sysadmin) call(ctx context.Context, kind, method, path string, body any) told {
	token := a.current(ctx, "")
	t := a.soak.client.call(ctx, kind, method, path, token, body)
	if t.status == http.StatusUnauthorized {
		t = a.soak.client.call(ctx, kind, method, path, a.current(ctx, token), body)
	}
	return t
}

// current returns a token that is not the one that was refused; "" if there is
// none to be had.
func (a *sysadmin) current(ctx context.Context, refused string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.token == refused {
		t := a.soak.login(ctx, "login", a.Username, a.Password, ledger.Good)
		if t.AccessToken != "" {
			a.token = t.AccessToken
		} else if !pause(ctx, time.Second) {
			return ""
		}
	}
	return a.token
}

// unlockers let in who asks for it, one or several at a time.
func (s *soak) unlockers(work, calls context.Context, r *rand.Rand) {
	for {
		select {
		case <-work.Done():
			return
		case name := <-s.help:
			pause(work, between(r, 10*time.Millisecond, 300*time.Millisecond))
			if names := s.alsoWaiting(name); len(names) > 1 {
				s.unlockMany(calls, names)
			} else {
				s.unlock(calls, name, r.IntN(2) == 0)
			}
		}
	}
}

// alsoWaiting returns the name and those others who wait, each once.
func (s *soak) alsoWaiting(name string) []string {
	names, seen := []string{name}, map[string]bool{name: true}
	for {
		select {
		case other := <-s.help:
			if !seen[other] {
				names, seen[other] = append(names, other), true
			}
		default:
			return names
		}
	}
}

// unlock unlocks one user; with care, only the lock that is there to be seen.
func (s *soak) unlock(ctx context.Context, name string, careful bool) {
	body := map[string]string{"reason": "soak"}
	if careful {
		seen := s.look(ctx, name)
		if seen.LockID == "" {
			return
		}
		body["lock_id"] = seen.LockID
	}
	t := s.root.call(ctx, "unlock", "POST", userPath(s.tenant, name)+"/unlock", body)
	o := op(ledger.Unlock, name, t)
	o.Locked, o.Failed = t.WasLocked, t.Failed
	switch {
	case !t.heard(), t.status == http.StatusOK:
		s.book.Add(o)
	case t.status == http.StatusConflict && careful: // somebody else was quicker
	default:
		s.odds("unlock", name, t)
	}
}

// look reads a user, as the editor of the console does.
func (s *soak) look(ctx context.Context, name string) told {
	t := s.root.call(ctx, "read", "GET", userPath(s.tenant, name), nil)
	o := op(ledger.Read, name, t)
	o.Locked, o.Failed = t.Locked, t.Failed
	switch {
	case !t.heard():
	case t.status != http.StatusOK, len(t.Evidence) != t.Failed:
		s.odds("read", name, t)
	default:
		s.book.Add(o)
	}
	return t
}

// unlockMany unlocks several users in one request.
func (s *soak) unlockMany(ctx context.Context, names []string) {
	t := s.root.call(ctx, "unlock many", "POST", "/clients/"+s.tenant+"/unlocks", map[string]any{"usernames": names, "reason": "soak"})
	if t.heard() && (t.status != http.StatusOK || len(t.Results) != len(names)) {
		s.odds("unlock many", names[0], t)
		return
	}
	outcomes := make(map[string]string)
	for _, result := range t.Results {
		outcomes[result.Username] = result.Outcome
	}
	for _, name := range names {
		o := op(ledger.Unlock, name, t)
		o.Failed = ledger.Unknown
		switch outcomes[name] {
		case "unlocked":
			o.Locked = true
		case "not_locked":
		case "failed", "":
			o.Heard = false
		default:
			s.odds("unlock many", name, t)
			continue
		}
		s.book.Add(o)
	}
}

// policies changes the client's maximum from time to time, and reads it.
func (s *soak) policies(work, calls context.Context, r *rand.Rand, every time.Duration) {
	for pause(work, between(r, every, every*3/2)) {
		path, next := "/clients/"+s.tenant+"/policy", 3+r.IntN(4)
		t := s.insist(calls, func() told {
			return s.root.call(calls, "set policy", "PUT", path, map[string]int{"max_failed_login_attempts_portal": next})
		}, func(t told) {
			s.book.Set(ledger.Setting{Maximum: next, Began: t.began, Ended: t.ended, Heard: t.status == http.StatusOK})
		})
		if t.heard() && (t.status != http.StatusOK || t.Maximum != next) {
			s.odds("set policy", s.tenant, t)
		}
		if t := s.root.call(calls, "read policy", "GET", path, nil); t.heard() && t.Maximum != next && s.rules.Spread == 0 {
			s.odds("read policy", s.tenant, t)
		}
	}
}

// lookers read users and lists of them.
func (s *soak) lookers(work, calls context.Context, r *rand.Rand) {
	for pause(work, between(r, 100*time.Millisecond, 500*time.Millisecond)) {
		if r.IntN(3) > 0 {
			s.look(calls, s.members[r.IntN(len(s.members))].name)
			continue
		}
		path := "/clients/" + s.tenant + "/users?locked=true"
		if t := s.root.call(calls, "list", "GET", path, nil); t.heard() && t.status != http.StatusOK {
			s.odds("list", s.tenant, t)
		}
	}
}

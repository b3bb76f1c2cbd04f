package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// plusOne allows one failure more.
type plusOne struct{ lockout.Maximums }

func (p plusOne) Maximum(ctx context.Context, client string) int {
	return p.Maximums.Maximum(ctx, client) + 1
}

func gateFaults() map[string]fault {
	return map[string]fault{
		"off by one": {
			breaks: func(_ *testing.T, s *site) { s.maximums = plusOne{s.maximums} },
			caught: []string{"counting/the last of the allowed"},
		},
		"compare, then count": {
			breaks: func(_ *testing.T, s *site) { s.gate = s.compareThenCount },
			caught: []string{
				"concurrency/50 wrong", "concurrency/a large burst", "concurrency/the right password hidden", "concurrency/each number",
				"concurrency/each success", "concurrency/each unlock", "strangers/the answers to strangers at once",
			},
		},
		"one login of a user at a time": {
			breaks: func(_ *testing.T, s *site) { s.gate = oneAtATime },
			caught: []string{"concurrency/20 right", "concurrency/wrong passwords too few"},
		},
		"the right password opens a lock": {
			breaks: func(_ *testing.T, s *site) {
				s.gate = s.gateThat(func(a lockout.Attempt) *verdict {
					if !s.right(a.Key, a.Password) {
						return nil
					}
					s.forget(a.Key)
					in := s.welcome(a.Key)
					return &in
				})
			},
			caught: []string{"counting/the right password does not open", "counting/a lock is kept"},
		},
		"who got in once is trusted": {
			breaks: func(_ *testing.T, s *site) {
				var trusted sync.Map
				s.gate = s.gateThat(func(a lockout.Attempt) *verdict {
					if s.right(a.Key, a.Password) {
						trusted.Store(a.Key, true)
						return nil
					}
					if _, ok := trusted.Load(a.Key); ok {
						return &verdict{Ruling: lockout.Wrong, Remaining: lockout.DefaultMaximum - 1}
					}
					return nil
				})
			},
			caught: []string{"counting/a success between"},
		},
		"a success clears the counts of its address": {
			breaks: func(_ *testing.T, s *site) {
				var tried sync.Map
				s.gate = s.gateThat(func(a lockout.Attempt) *verdict {
					if tried.Store(a.Key, true); s.right(a.Key, a.Password) {
						tried.Range(func(key, _ any) bool { s.forget(key.(lockout.Key)); return true })
					}
					return nil
				})
			},
			caught: []string{"counting/another user's success"},
		},
		"blanks around a password are dropped": {
			breaks: func(_ *testing.T, s *site) {
				s.gate = func(g *lockout.Gate[users.Credential]) httpapi.Gate[users.Credential] {
					return gateFunc(func(ctx context.Context, a lockout.Attempt) (verdict, error) {
						a.Password = strings.TrimSpace(a.Password)
						return g.Attempt(ctx, a)
					})
				}
			},
			caught: []string{"counting/a password that is nearly right"},
		},
		"names that nobody has are never locked": {
			breaks: func(_ *testing.T, s *site) {
				s.gate = s.gateThat(func(a lockout.Attempt) *verdict {
					if known, _ := s.store.Users.Exists(far(), a.Key); known {
						return nil
					}
					return &verdict{Ruling: lockout.Wrong, Remaining: lockout.DefaultMaximum - 1}
				})
			},
			caught: []string{
				"strangers/a name that nobody has", "strangers/so does any name", "strangers/so does a name that nobody can", "strangers/so does a user who",
				"sessions/whoever is created under a name that was guessed at", "unlock/a name that nobody has",
			},
		},
		"the count is kept by the address that a header says": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(believeHeader)
				s.gate = func(g *lockout.Gate[users.Credential]) httpapi.Gate[users.Credential] {
					return gateFunc(func(ctx context.Context, a lockout.Attempt) (verdict, error) {
						one := *g
						one.Attempts = keyed{s.records, func(k lockout.Key) lockout.Key { return lockout.NewKey(k.Client(), k.Username()+"@"+a.SourceIP) }}
						return one.Attempt(ctx, a)
					})
				}
			},
			caught: []string{"edge/headers that name"},
		},
	}
}

// gateThat gives some verdicts before the gate gives the others.
func (s *site) gateThat(first func(a lockout.Attempt) *verdict) func(*lockout.Gate[users.Credential]) httpapi.Gate[users.Credential] {
	return func(g *lockout.Gate[users.Credential]) httpapi.Gate[users.Credential] {
		return gateFunc(func(ctx context.Context, a lockout.Attempt) (verdict, error) {
			if v := first(a); v != nil {
				return *v, nil
			}
			return g.Attempt(ctx, a)
		})
	}
}

// compareThenCount reads the count, compares, and counts afterwards, by an
// increment that is atomic: that is not enough.
func (s *site) compareThenCount(g *lockout.Gate[users.Credential]) httpapi.Gate[users.Credential] {
	atOnce := newCrowd(30)
	return gateFunc(func(ctx context.Context, a lockout.Attempt) (verdict, error) {
		record, err := g.Attempts.Read(ctx, a.Key)
		if err != nil || record.Locked() {
			return verdict{Ruling: lockout.Locked}, err
		}
		atOnce.gather(a.Key)
		if s.right(a.Key, a.Password) {
			s.forget(a.Key)
			return s.welcome(a.Key), nil
		}
		counted, err := g.Attempt(ctx, a)
		if record.Failed == lockout.DefaultMaximum-1 {
			return counted, err
		}
		return verdict{Ruling: lockout.Wrong, Remaining: lockout.DefaultMaximum - 1 - record.Failed}, err
	})
}

// welcome lets a user in.
func (s *site) welcome(key lockout.Key) verdict {
	credential, _ := s.store.Users.Credential(far(), key)
	return verdict{Ruling: lockout.Welcome, Credential: credential}
}

// oneAtATime refuses whoever comes while another login of the user is under way.
func oneAtATime(g *lockout.Gate[users.Credential]) httpapi.Gate[users.Credential] {
	atOnce, under := newCrowd(2), sync.Map{}
	return gateFunc(func(ctx context.Context, a lockout.Attempt) (verdict, error) {
		if _, busy := under.LoadOrStore(a.Key, true); busy {
			atOnce.gather(a.Key)
			return verdict{Ruling: lockout.Locked}, nil
		}
		defer under.Delete(a.Key)
		atOnce.gather(a.Key)
		return g.Attempt(ctx, a)
	})
}

// believeHeader takes the address of a header for that of the connection.
func believeHeader(_ http.ResponseWriter, r *seen) bool {
	if said := r.Header.Get("X-Forwarded-For"); said != "" {
		r.RemoteAddr = said + ":1"
	}
	return false
}

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// A fault is a way to be wrong, and the cases that must find it.
type fault struct {
	breaks func(t *testing.T, s *site)
	caught []string // names of cases, or their beginnings
	beside string   // a case that has to run too
	flags  func(s *site, dir string) []string
}

// faults are small: each is a line or two of a product that got it wrong.
func faults() map[string]fault {
	all := map[string]fault{}
	for _, some := range []map[string]fault{gateFaults(), recordFaults(), nameFaults(), answerFaults(), unlockFaults(), otherFaults()} {
		for name, f := range some {
			all[name] = f
		}
	}
	return all
}

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

func recordFaults() map[string]fault {
	return map[string]fault{
		"a success does not clear": {
			breaks: func(_ *testing.T, s *site) {
				s.records = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					if right, ok := t.(lockout.Succeed); ok {
						t = lockout.Refund{AttemptID: right.AttemptID, Generation: right.Generation}
					}
					return s.store.Attempts.Apply(ctx, key, t)
				}}
			},
			caught: []string{"counting/the right password at the last attempt"},
		},
		"a lock is forgotten once it has refused": {
			breaks: func(_ *testing.T, s *site) {
				s.records = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					result, err := s.store.Attempts.Apply(ctx, key, t)
					if result.Outcome == lockout.RefusedLocked {
						s.forget(key)
					}
					return result, err
				}}
			},
			caught: []string{"counting/a lock is kept"},
		},
		"a lock ends by itself": {
			breaks: func(_ *testing.T, s *site) {
				s.records = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					result, err := s.store.Attempts.Apply(ctx, key, t)
					if result.Outcome == lockout.RefusedLocked && now().Sub(result.Record.LockedAt) > time.Second {
						s.forget(key)
						return s.store.Attempts.Apply(ctx, key, t)
					}
					return result, err
				}}
			},
			caught: []string{"whole run/a lock does not end"},
		},
		"attempts at a lock are counted on": {
			breaks: func(_ *testing.T, s *site) {
				var mu sync.Mutex
				more := map[lockout.Key]int{}
				s.records = seeing{applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					result, err := s.store.Attempts.Apply(ctx, key, t)
					if result.Outcome == lockout.RefusedLocked {
						mu.Lock()
						more[key]++
						mu.Unlock()
					}
					return result, err
				}}, func(key lockout.Key, r lockout.Record) lockout.Record {
					mu.Lock()
					defer mu.Unlock()
					r.Failed += more[key]
					return r
				}}
			},
			caught: []string{"counting/attempts at a lock"},
		},
		"twenty names are remembered": {
			breaks: func(_ *testing.T, s *site) {
				var mu sync.Mutex
				var order []lockout.Key
				s.records = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					mu.Lock()
					if !slices.Contains(order, key) {
						order = append(order, key)
					}
					if len(order) > 20 {
						s.forget(order[0])
						order = order[1:]
					}
					mu.Unlock()
					return s.store.Attempts.Apply(ctx, key, t)
				}}
			},
			caught: []string{"counting/a flood of other names"},
		},
		"a lock is written into the trail twice": {
			breaks: func(_ *testing.T, s *site) {
				s.records = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					result, err := s.store.Attempts.Apply(ctx, key, t)
					if result.Event != nil && result.Event.Kind == lockout.EventLock {
						again := audit.FromEvent(*result.Event)
						again.ID = environ.NewID()
						_ = s.store.Trail.Append(ctx, again)
					}
					return result, err
				}}
			},
			caught: []string{"concurrency/a burst leaves one entry", "unlock/the lock and the unlock are in the trail"},
		},
		"a lock is computed from the count": {
			breaks: func(_ *testing.T, s *site) {
				s.records = seeing{s.records, func(key lockout.Key, r lockout.Record) lockout.Record {
					if r.Failed >= s.store.Policies.Maximum(far(), key.Client()) {
						r.LockID, r.LockedAt = environ.NewID(), now()
					}
					return r
				}}
			},
			caught: []string{"policy/lowering it"},
		},
		"an unlock leaves the count": {
			breaks: func(_ *testing.T, s *site) {
				s.unlocking = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					result, err := s.store.Attempts.Apply(ctx, key, t)
					for range t.(lockout.Unlock).Seen.Failed - 1 {
						s.fail(key)
					}
					return result, err
				}}
			},
			caught: []string{"unlock/gives the whole budget", "unlock/clears a count", "unlock/many at once says"},
		},
		"a new user finds the count of the name": {
			breaks: func(_ *testing.T, s *site) {
				s.creating = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					record, err := s.store.Attempts.Read(ctx, key)
					return lockout.Result{Outcome: lockout.Applied, Record: lockout.Record{Generation: record.Generation + 1}}, err
				}}
			},
			caught: []string{"sessions/whoever is created under a deleted name", "sessions/whoever is created under a name that was guessed at"},
		},
		"a refresh token is good at a lock": {
			breaks: func(_ *testing.T, s *site) { s.sessionsLocks = noLocks{s.records} },
			caught: []string{"sessions/a locked user's refresh token"},
		},
	}
}

// noLocks knows of none.
type noLocks struct{ records }

func (noLocks) Read(context.Context, lockout.Key) (lockout.Record, error) {
	return lockout.Record{}, nil
}

func nameFaults() map[string]fault {
	under := func(as func(lockout.Key) lockout.Key) func(*testing.T, *site) {
		return func(_ *testing.T, s *site) { s.records = keyed{s.records, as} }
	}
	typed := func(as func(client, username string) (string, string)) func(*testing.T, *site) {
		return func(_ *testing.T, s *site) {
			s.loginKey = func(client, username string) (lockout.Key, error) { return users.LoginKey(as(client, username)) }
		}
	}
	return map[string]fault{
		"a client has one count": {
			breaks: under(func(k lockout.Key) lockout.Key { return lockout.NewKey(k.Client(), "everybody") }),
			caught: []string{"counting/one user's lock"},
		},
		"each spelling has a count of its own": {
			breaks: func(_ *testing.T, s *site) {
				s.loginKey = func(client, username string) (lockout.Key, error) { return lockout.NewKey(client, username), nil }
				s.credentials = canonical{s.credentials}
			},
			caught: []string{"names/spellings that Unicode holds"},
		},
		"names are lower case at the login": {
			breaks: typed(func(client, username string) (string, string) { return client, strings.ToLower(username) }),
			caught: []string{"names/spellings that are other names", "names/two users"},
		},
		"blanks around a name are dropped": {
			breaks: typed(func(client, username string) (string, string) { return client, strings.TrimSpace(username) }),
			caught: []string{"names/spellings that are other names"},
		},
		"counts are kept in lower case": {
			breaks: under(func(k lockout.Key) lockout.Key { return lockout.NewKey(k.Client(), strings.ToLower(k.Username())) }),
			caught: []string{"names/two users"},
		},
		"counts are kept under 64 bytes of a name": {
			breaks: under(func(k lockout.Key) lockout.Key {
				return lockout.NewKey(k.Client(), k.Username()[:min(64, len(k.Username()))])
			}),
			caught: []string{"names/two long names"},
		},
		"clients are lower case without blanks": {
			breaks: typed(func(client, username string) (string, string) {
				return strings.ToLower(strings.TrimSpace(client)), username
			}),
			caught: []string{"names/the name of the client"},
		},
		"counts are kept without the client": {
			breaks: under(func(k lockout.Key) lockout.Key { return lockout.NewKey("all", k.Username()) }),
			caught: []string{"names/a client that is not there", "names/the same name in two clients"},
		},
		"a path is not decoded": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(func(_ http.ResponseWriter, r *seen) bool {
					if strings.Contains(r.URL.EscapedPath(), "%6") {
						r.URL = &url.URL{Path: "/nothing"}
					}
					return false
				})
			},
			caught: []string{"names/a name percent-encoded"},
		},
	}
}

// canonical finds the credential of whoever a spelling means.
type canonical struct {
	lockout.Credentials[users.Credential]
}

func (c canonical) Credential(ctx context.Context, key lockout.Key) (users.Credential, error) {
	return c.Credentials.Credential(ctx, keyOf(key.Client(), key.Username()))
}

func answerFaults() map[string]fault {
	return map[string]fault{
		"a lock knows the right password": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if a.Code == http.StatusLocked && s.right(s.userInBody(r), firstOf(passwordInBody, r.body)) {
						change(a, func(body map[string]any) { body["detail"] = "Your password is right, but you are locked." })
					}
				})
			},
			caught: []string{"strangers/a lock answers"},
		},
		"whoever may not see users hears who exists": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if known, _ := s.store.Users.Exists(far(), s.userInPath(r)); a.Code == http.StatusForbidden && !known {
						change(a, func(body map[string]any) { body["detail"] = "There is no such user." })
					}
				})
			},
			caught: []string{"strangers/whoever may not see"},
		},
		"what is refused is counted": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if r.URL.Path == "/login" && slices.Contains([]int{400, 413, 415}, a.Code) {
						s.fail(s.userInBody(r))
					}
				})
			},
			caught: []string{
				"refusals/a body that is not", "refusals/a field that is empty", "refusals/a field that is there twice", "refusals/a NUL",
				"refusals/a body that is too large", "refusals/another content type", "refusals/a query", "edge/a body that never comes whole",
			},
		},
		"the last of two fields counts": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(func(_ http.ResponseWriter, r *seen) bool {
					var body map[string]any
					if r.URL.Path == "/login" && json.Unmarshal(r.body, &body) == nil {
						r.body, _ = json.Marshal(body)
					}
					return false
				})
			},
			caught: []string{"refusals/a field that is there twice"},
		},
		"a lock is told before the request is looked at": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if a.Code == http.StatusBadRequest && s.locked(s.userInBody(r)) {
						replace(a, http.StatusLocked, problem(423, "user-locked", "User is locked"))
					}
				})
			},
			caught: []string{"refusals/a lock is not told"},
		},
		"the evidence holds what a header says": {
			breaks: func(_ *testing.T, s *site) { s.front = before(believeHeader) },
			caught: []string{"edge/the evidence"},
		},
		"another path compares and does not count": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(func(w http.ResponseWriter, r *seen) bool {
					if r.Method != "POST" || r.URL.EscapedPath() != "/login/" {
						return false
					}
					w.WriteHeader(http.StatusUnauthorized)
					return true
				})
			},
			caught: []string{"edge/other paths"},
		},
		"an attempt ends when its sender leaves": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(func(_ http.ResponseWriter, r *seen) bool {
					if r.Header.Get("Connection") != "close" {
						return false
					}
					select {
					case <-r.Context().Done():
						return true
					case <-time.After(time.Second):
						return false
					}
				})
			},
			caught: []string{"edge/hanging up"},
		},
		"what comes slowly is sent twice": {
			breaks: func(_ *testing.T, s *site) {
				s.front = func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						began := time.Now()
						r, body := readWhole(r)
						if time.Since(began) > slowPause && r.URL.Path == "/login" {
							next.ServeHTTP(httptest.NewRecorder(), withBody(r, body))
						}
						next.ServeHTTP(w, withBody(r, body))
					})
				}
			},
			caught: []string{"edge/a body that comes slowly"},
		},
		"every request has the same id": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(_ seen, a *httptest.ResponseRecorder) {
					a.Header().Set("X-Request-Id", "id")
					change(a, func(body map[string]any) {
						if _, ok := body["request_id"]; ok {
							body["request_id"] = "id"
						}
					})
				})
			},
			caught: []string{"edge/no answer may be stored"},
		},
		"an answer may be stored": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(_ seen, a *httptest.ResponseRecorder) { a.Header().Set("Cache-Control", "private") })
			},
			caught: []string{"edge/no answer may be stored"},
		},
		"a 429 does not say when": {
			breaks: func(_ *testing.T, s *site) {
				var once sync.Once
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if a.Code != http.StatusUnauthorized {
						return
					}
					once.Do(func() { replace(a, http.StatusTooManyRequests, problem(429, "too-many-attempts", "Too many attempts")) })
				})
			},
			caught: []string{"whole run/every answer"}, beside: "counting/one user's lock keeps nobody else out",
		},
	}
}

// problem is a problem document as the contract has it.
func problem(status int, slug, title string) map[string]any {
	return map[string]any{"type": "urn:portcullis:problem:" + slug, "title": title, "status": status, "detail": "No.", "request_id": "id"}
}

func unlockFaults() map[string]fault {
	unlocks := regexp.MustCompile(`/unlocks?$`)
	return map[string]fault{
		"a Superuser is a Sysadmin": {
			breaks: func(_ *testing.T, s *site) {
				s.authorizer = readsTokens(func(role access.Role, client string, r authorizing) (access.Role, string) {
					if role == access.Superuser {
						role = access.Sysadmin
					}
					return role, client
				})
			},
			caught: []string{
				"unlock/only a Sysadmin may", "unlock/the trail is for Sysadmins", "policy/only a Sysadmin changes", "sessions/a Superuser opens no lock",
			},
		},
		"a token is read and not verified": {
			breaks: func(_ *testing.T, s *site) {
				s.authorizer = readsTokens(func(role access.Role, client string, _ authorizing) (access.Role, string) { return role, client })
			},
			caught: []string{"unlock/only a good access token"},
		},
		"a token opens any client": {
			breaks: func(_ *testing.T, s *site) {
				s.authorizer = readsTokens(func(role access.Role, _ string, r authorizing) (access.Role, string) {
					return role, r.PathParameters["client"]
				})
			},
			caught: []string{"unlock/not in another client"},
		},
		"what is refused is unlocked all the same": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if !unlocks.MatchString(r.URL.Path) || a.Code == http.StatusUnauthorized {
						return
					}
					var body struct{ Usernames any }
					_ = json.Unmarshal(r.body, &body)
					names, _ := body.Usernames.([]any)
					if one, ok := body.Usernames.(string); ok {
						names = []any{one}
					}
					s.forget(s.userInPath(r))
					for _, name := range names {
						if text, ok := name.(string); ok {
							s.forget(keyOf(s.client, text))
						}
					}
				})
			},
			caught: []string{
				"unlock/nobody unlocks themselves", "unlock/a name that nobody has", "unlock/a body that is wrong", "unlock/many at once is refused",
				"unlock/another lock's id", "unlock/only a Sysadmin may",
			},
		},
		"a lock_id is not looked at": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(func(_ http.ResponseWriter, r *seen) bool {
					if unlocks.MatchString(r.URL.Path) {
						r.body = regexp.MustCompile(`"lock_id":"[^"]+",?`).ReplaceAll(r.body, nil)
					}
					return false
				})
			},
			caught: []string{"unlock/another lock's id"},
		},
		"an unlock always finds a lock": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					change(a, func(body map[string]any) {
						if _, ok := body["was_locked"]; ok {
							body["was_locked"] = true
						}
					})
				})
			},
			caught: []string{"unlock/twice", "unlock/clears a count", "concurrency/of two unlocks"},
		},
		"the rows are in another order": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(_ seen, a *httptest.ResponseRecorder) {
					change(a, func(body map[string]any) {
						if rows, ok := body["results"].([]any); ok {
							slices.Reverse(rows)
						}
					})
				})
			},
			caught: []string{"unlock/many at once says"},
		},
		"the Sysadmin sees no evidence": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(_ seen, a *httptest.ResponseRecorder) {
					change(a, func(body map[string]any) {
						if _, ok := body["evidence"]; ok {
							body["evidence"] = []any{}
						}
					})
				})
			},
			caught: []string{"unlock/the lock is seen"},
		},
		"the trail has no evidence": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(_ seen, a *httptest.ResponseRecorder) {
					change(a, func(body map[string]any) {
						entries, _ := body["entries"].([]any)
						for _, e := range entries {
							if details, ok := e.(map[string]any)["details"].(map[string]any); ok {
								delete(details, "evidence")
							}
						}
					})
				})
			},
			caught: []string{"unlock/the lock and the unlock are in the trail"},
		},
	}
}

type authorizing = events.APIGatewayCustomAuthorizerRequestTypeRequest

// readsTokens is an authorizer that believes whatever a token says, and lets in
// whom the table allows as the one that become makes of them.
func readsTokens(become func(role access.Role, client string, r authorizing) (access.Role, string)) func(httpapi.AuthorizerFunc) httpapi.AuthorizerFunc {
	return func(next httpapi.AuthorizerFunc) httpapi.AuthorizerFunc {
		return func(ctx context.Context, r authorizing) (events.APIGatewayCustomAuthorizerResponse, error) {
			var claims struct {
				Username string   `json:"username"`
				Groups   []string `json:"cognito:groups"`
			}
			parts := strings.Split(r.Headers["Authorization"], ".")
			if len(parts) == 3 {
				text, _ := base64.RawURLEncoding.DecodeString(parts[1])
				_ = json.Unmarshal(text, &claims)
			}
			client, username, _ := strings.Cut(claims.Username, "/")
			if username == "" || len(claims.Groups) != 1 {
				return next(ctx, r)
			}
			role, client := become(access.Role(claims.Groups[0]), client, r)
			route, _ := access.FindRoute(r.HTTPMethod, r.Resource)
			answer := events.APIGatewayCustomAuthorizerResponse{Context: map[string]any{"client": client, "username": username, "role": string(role)}}
			effect := "Allow"
			if (access.Caller{Client: client, Username: username, Role: role}).Check(route.Action, r.PathParameters["client"]) != nil {
				effect = "Deny"
			}
			answer.PolicyDocument.Statement = []events.IAMPolicyStatement{{Effect: effect}}
			return answer, nil
		}
	}
}

func otherFaults() map[string]fault {
	return map[string]fault{
		"a new password unlocks": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if strings.HasSuffix(r.URL.Path, "/password") && a.Code == http.StatusNoContent {
						s.forget(s.userInPath(r))
					}
				})
			},
			caught: []string{"sessions/a new password does not unlock"},
		},
		"a session never ends": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if r.URL.Path == "/token" && a.Code == http.StatusUnauthorized {
						replace(a, http.StatusOK, map[string]any{"token_type": "Bearer", "access_token": "a.b.c", "id_token": "a.b.c", "expires_in": 900})
					}
				})
			},
			caught: []string{
				"sessions/a new password ends", "sessions/whoever is created under a deleted name", "sessions/refresh tokens that are not good", "sessions/a logout",
			},
		},
		"a number may be text": {
			breaks: bodiesOfPolicy(`"(\d)"`, `$1`),
			caught: []string{"policy/nothing but a whole number"},
		},
		"a fraction is cut off": {
			breaks: bodiesOfPolicy(`7\.\d`, `7`),
			caught: []string{"policy/nothing but a whole number"},
		},
		"a version is not looked at": {
			breaks: bodiesOfPolicy(`,"version":\d+`, ``),
			caught: []string{"policy/a version that is not"},
		},
		"nine is eight": {
			breaks: bodiesOfPolicy(`portal":9}`, `portal":8}`),
			caught: []string{"policy/1 and 9"},
		},
		"a new policy unlocks": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if strings.HasSuffix(r.URL.Path, "/policy") && r.Method == http.MethodPut {
						names, _, _ := s.store.Attempts.Locked(far(), s.client, "", 100)
						for _, name := range names {
							s.forget(keyOf(s.client, name))
						}
					}
				})
			},
			caught: []string{"policy/raising it"},
		},
		"a restart forgets": {
			breaks: func(t *testing.T, s *site) {
				s.front = before(func(_ http.ResponseWriter, r *seen) bool {
					if os.Remove(restartFile(s)) == nil {
						names, _, _ := s.store.Attempts.Locked(far(), s.client, "", 100)
						for _, name := range names {
							s.forget(keyOf(s.client, name))
						}
					}
					return false
				})
				t.Cleanup(func() { _ = os.Remove(restartFile(s)) })
			},
			caught: []string{"counting/a lock and a count outlive"},
			flags:  func(s *site, _ string) []string { return []string{"-restart", "touch '" + restartFile(s) + "'"} },
		},
	}
}

// restartFile is there when the site was restarted and has not noticed.
func restartFile(s *site) string { return filepath.Join(os.TempDir(), "portcullis-restart-"+s.client) }

// bodiesOfPolicy rewrites what is sent to change a policy.
func bodiesOfPolicy(pattern, to string) func(*testing.T, *site) {
	return func(_ *testing.T, s *site) {
		s.front = before(func(_ http.ResponseWriter, r *seen) bool {
			if strings.HasSuffix(r.URL.Path, "/policy") {
				r.body = regexp.MustCompile(pattern).ReplaceAll(r.body, []byte(to))
			}
			return false
		})
	}
}

// TestEachFaultIsFound runs the cases that must find a fault against a server
// that has it.
func TestEachFaultIsFound(t *testing.T) {
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			f.breaks(t, s)
			flags := []string{"-run", "^(" + strings.Join(quoted(append(f.caught, f.beside)), "|") + ")"}
			if f.flags != nil {
				flags = append(flags, f.flags(s, t.TempDir())...)
			}
			run := s.conform(t, s.serve(t), flags...)
			if run.code != exitFailed {
				t.Errorf("exit code %d, want %d\n%s", run.code, exitFailed, run.stderr)
			}
			for _, c := range f.cases() {
				if one := run.results[c.name]; one.Outcome != failed || !one.saysMoreThanTheContract() {
					t.Errorf("%s: %s %q, and it had to fail by itself", c.name, one.Outcome, one.Says)
				}
			}
		})
	}
}

// cases returns those that must find the fault.
func (f fault) cases() []testCase {
	return slices.DeleteFunc(cases(), func(c testCase) bool {
		return !slices.ContainsFunc(f.caught, func(beginning string) bool { return strings.HasPrefix(c.name, beginning) })
	})
}

// saysMoreThanTheContract: that an answer is not as openapi.yaml says is found in
// every case, and is not what a case is for.
func (r result) saysMoreThanTheContract() bool {
	return slices.ContainsFunc(r.Says, func(text string) bool { return !strings.HasPrefix(text, "against openapi.yaml") })
}

func quoted(names []string) []string {
	var all []string
	for _, name := range names {
		if name != "" {
			all = append(all, regexp.QuoteMeta(name))
		}
	}
	return all
}

// TestEachCaseFindsAFault: a case that no fault fails proves nothing.
func TestEachCaseFindsAFault(t *testing.T) {
	var caught []string
	for name, f := range faults() {
		for _, beginning := range f.caught {
			if !slices.ContainsFunc(cases(), func(c testCase) bool { return strings.HasPrefix(c.name, beginning) }) {
				t.Errorf("%s: no case begins with %q", name, beginning)
			}
		}
		caught = append(caught, f.caught...)
	}
	for _, c := range cases() {
		if !slices.ContainsFunc(caught, func(beginning string) bool { return strings.HasPrefix(c.name, beginning) }) {
			t.Errorf("no fault fails the case %q", c.name)
		}
	}
}

package bearer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"portcullis/internal/access"
	"portcullis/internal/bearer"
	"portcullis/internal/lockout"
)

// A publisher is an issuer's key server. It counts what is fetched.
type publisher struct {
	*httptest.Server
	fetches atomic.Int32
	answer  atomic.Pointer[func(http.ResponseWriter)]
	clock   atomic.Int64 // seconds since now
}

func newPublisher(t *testing.T) (*publisher, *bearer.JWKS) {
	t.Helper()
	p := &publisher{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.fetches.Add(1)
		(*p.answer.Load())(w)
	}))
	t.Cleanup(p.Close)
	return p, bearer.NewJWKS(p.URL, p.Client(), func() time.Time {
		return now.Add(time.Duration(p.clock.Load()) * time.Second)
	})
}

func (p *publisher) serve(answer func(http.ResponseWriter)) { p.answer.Store(&answer) }

func (p *publisher) publish(t *testing.T, keys ...jose.JSONWebKey) {
	t.Helper()
	body, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	p.serve(func(w http.ResponseWriter) { _, _ = w.Write(body) })
}

func (p *publisher) fail() {
	p.serve(func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) })
}

func (p *publisher) fetched(t *testing.T, want int32) {
	t.Helper()
	if got := p.fetches.Load(); got != want {
		t.Errorf("fetched %d times, want %d", got, want)
	}
}

// has checks what becomes of a key id; a nil want is the key itself.
func has(t *testing.T, j *bearer.JWKS, kid string, want error) {
	t.Helper()
	key, err := j.Key(t.Context(), kid)
	if !errors.Is(err, want) || (want == nil) != (key.Key != nil && key.KeyID == kid && key.Algorithm == "RS256") {
		t.Errorf("key %q: got %v, want %v", kid, err, want)
	}
}

func published(kid string) jose.JSONWebKey {
	ours, _ := keys()
	return jose.JSONWebKey{Key: &ours.PublicKey, KeyID: kid, Use: "sig", Algorithm: "RS256"}
}

func TestKeysAreFetchedOnceAndKept(t *testing.T) {
	p, j := newPublisher(t)
	p.publish(t, published("k1"))
	p.fetched(t, 0)
	has(t, j, "k1", nil)
	p.clock.Store(1e6)
	has(t, j, "k1", nil)
	p.fetched(t, 1)
}

func TestAnUnknownKeyIDFetchesAgainAtMostOnceInTenSeconds(t *testing.T) {
	p, j := newPublisher(t)
	p.publish(t, published("k1"))
	has(t, j, "k1", nil)
	p.publish(t, published("k1"), published("k2"))
	p.clock.Store(9)
	has(t, j, "k2", access.ErrUnauthorized)
	p.fetched(t, 1)
	p.clock.Store(10)
	has(t, j, "k2", nil)
	has(t, j, "k3", access.ErrUnauthorized)
	has(t, j, "k4", access.ErrUnauthorized)
	p.fetched(t, 2)
}

func TestKeysStayWhenAFetchFails(t *testing.T) {
	p, j := newPublisher(t)
	p.publish(t, published("k1"))
	has(t, j, "k1", nil)
	p.fail()
	p.clock.Store(10)
	has(t, j, "k2", lockout.ErrUnavailable)
	has(t, j, "k3", lockout.ErrUnavailable)
	has(t, j, "k1", nil)
	p.fetched(t, 2)
}

func TestNoKeysAtAllIsTriedAgainEverySecond(t *testing.T) {
	p, j := newPublisher(t)
	p.fail()
	has(t, j, "k1", lockout.ErrUnavailable)
	has(t, j, "k1", lockout.ErrUnavailable)
	p.fetched(t, 1)
	p.publish(t, published("k1"))
	p.clock.Store(1)
	has(t, j, "k1", nil)
	p.fetched(t, 2)
}

func TestAKeyIsTakenOnlyForWhatItIs(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short := newKey(1024)
	tests := []struct {
		name string
		key  jose.JSONWebKey
	}{
		{"one for encryption", func() jose.JSONWebKey { k := published("x"); k.Use = "enc"; return k }()},
		{"one for nothing in particular", func() jose.JSONWebKey { k := published("x"); k.Use = ""; return k }()},
		{"one for another algorithm", func() jose.JSONWebKey { k := published("x"); k.Algorithm = "RS512"; return k }()},
		{"one that is not RSA", jose.JSONWebKey{Key: &curve.PublicKey, KeyID: "x", Use: "sig", Algorithm: "RS256"}},
		{"one for ES256", jose.JSONWebKey{Key: &curve.PublicKey, KeyID: "x", Use: "sig", Algorithm: "ES256"}},
		{"a shared secret", jose.JSONWebKey{Key: []byte("secret"), KeyID: "x", Use: "sig", Algorithm: "RS256"}},
		{"one of 1024 bits", jose.JSONWebKey{Key: &short.PublicKey, KeyID: "x", Use: "sig", Algorithm: "RS256"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, j := newPublisher(t)
			p.publish(t, published("k1"), test.key)
			has(t, j, "x", access.ErrUnauthorized)
			has(t, j, "k1", nil)
		})
	}
}

func TestAnswersThatHoldNoKeys(t *testing.T) {
	tests := []struct{ name, body string }{
		{"nothing", ""},
		{"no JSON", "<html>"},
		{"an empty set", `{"keys":[]}`},
		{"a set of something else", `{"keys":[{"kty":"what"}, 7]}`},
		{"an answer without end", strings.Repeat(" ", 64<<10+1)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, j := newPublisher(t)
			p.serve(func(w http.ResponseWriter) { _, _ = w.Write([]byte(test.body)) })
			has(t, j, "k1", lockout.ErrUnavailable)
		})
	}
}

func TestManyCallersMakeOneFetch(t *testing.T) {
	p, j := newPublisher(t)
	p.publish(t, published("k1"))
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			has(t, j, "k1", nil)
			has(t, j, "k2", access.ErrUnauthorized)
		})
	}
	all.Wait()
	p.fetched(t, 1)
}

func TestACallerWhoGoesAwayDoesNotEndTheFetchOfOthers(t *testing.T) {
	p, j := newPublisher(t)
	begun, release := make(chan struct{}), make(chan struct{})
	p.publish(t, published("k1"))
	inner := *p.answer.Load()
	p.serve(func(w http.ResponseWriter) { close(begun); <-release; inner(w) })
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { _, err := j.Key(ctx, "k1"); gone <- err }()
	<-begun
	cancel()
	if err := <-gone; !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("who went away got %v, want %v", err, lockout.ErrUnavailable)
	}
	close(release)
	has(t, j, "k1", nil)
	p.fetched(t, 1)
}

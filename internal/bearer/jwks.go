package bearer

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"portcullis/internal/lockout"
)

// How often keys are fetched. Anybody can send a token with a key id that does
// not exist, so that must not make a request each time; while there are no keys
// at all, nobody gets in, so that is tried again sooner.
const (
	refetchPause = 10 * time.Second
	retryPause   = time.Second
)

// fetchTime bounds one fetch, and maxKeysBytes its answer. Cognito publishes
// two keys in about 1 KiB.
const (
	fetchTime    = 3 * time.Second
	maxKeysBytes = 64 << 10
)

// MinKeyBits is the shortest RSA key that RFC 7518, 3.3 allows for RS256.
const MinKeyBits = 2048

// A JWKS is the set of keys that an issuer publishes (RFC 7517). The keys are
// fetched when the first is asked for and kept as long as the process lives; an
// id that is not among them fetches again, at most once in ten seconds. When
// that fails, the keys at hand stay. It is safe for concurrent use.
type JWKS struct {
	url    string
	client *http.Client
	now    func() time.Time
	flight singleflight.Group
	held   atomic.Pointer[keySet] // replaced within the flight only
}

// A keySet is what the latest fetch left; it never changes.
type keySet struct {
	keys    map[string]jose.JSONWebKey
	triedAt time.Time
	err     error // of the latest fetch
}

// NewJWKS returns the keys at an address. It fetches nothing yet.
func NewJWKS(url string, client *http.Client, now func() time.Time) *JWKS {
	j := &JWKS{url: url, client: client, now: now}
	j.held.Store(&keySet{})
	return j
}

// Key is as [KeySource] says. An id that is not among the keys while the latest
// fetch has failed is an outage, not a bad token: it may be a new key's.
func (j *JWKS) Key(ctx context.Context, kid string) (jose.JSONWebKey, error) {
	if key, ok := j.held.Load().keys[kid]; ok {
		return key, nil
	}
	if err := j.refresh(ctx); err != nil {
		return jose.JSONWebKey{}, err
	}
	held := j.held.Load()
	if key, ok := held.keys[kid]; ok {
		return key, nil
	}
	if held.err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("fetching keys: %w: %w", lockout.ErrUnavailable, held.err)
	}
	return jose.JSONWebKey{}, unauthorized("no such key")
}

// refresh waits for the one fetch there is, beginning it if it is due. The
// fetch outlives a caller who goes away, since others wait for it.
func (j *JWKS) refresh(ctx context.Context) error {
	done := j.flight.DoChan("", func() (any, error) {
		if held := j.held.Load(); j.due(held) {
			j.held.Store(j.renew(context.WithoutCancel(ctx), held))
		}
		return nil, nil
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for keys: %w: %w", lockout.ErrUnavailable, ctx.Err())
	}
}

func (j *JWKS) due(held *keySet) bool {
	pause := refetchPause
	if held.keys == nil {
		pause = retryPause
	}
	return held.triedAt.IsZero() || j.now().Sub(held.triedAt) >= pause
}

func (j *JWKS) renew(ctx context.Context, held *keySet) *keySet {
	triedAt := j.now()
	keys, err := j.fetch(ctx)
	if err != nil {
		return &keySet{keys: held.keys, triedAt: triedAt, err: err}
	}
	return &keySet{keys: keys, triedAt: triedAt}
}

func (j *JWKS) fetch(ctx context.Context) (map[string]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, j.url, nil)
	if err != nil {
		return nil, err
	}
	response, err := j.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeysBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxKeysBytes {
		return nil, errors.New("the answer is too long")
	}
	return parseKeys(body)
}

// parseKeys returns the keys that may sign tokens. Others may be there too: a
// set holds whatever its owner publishes.
func parseKeys(body []byte) (map[string]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("the answer is not a set of keys")
	}
	keys := make(map[string]jose.JSONWebKey)
	for _, raw := range set.Keys {
		var one jose.JSONWebKey
		if err := one.UnmarshalJSON(raw); err != nil {
			continue
		}
		if signs(one) {
			keys[one.KeyID] = one
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the answer holds no key for RS256")
	}
	return keys, nil
}

func signs(one jose.JSONWebKey) bool {
	key, ok := one.Key.(*rsa.PublicKey)
	return ok && one.KeyID != "" && one.Use == "sig" && one.Algorithm == string(jose.RS256) &&
		key.N.BitLen() >= MinKeyBits
}

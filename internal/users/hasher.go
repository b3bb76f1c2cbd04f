package users

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"

	"portcullis/internal/lockout"
)

// A Hasher hashes passwords with Argon2id and compares them with stored hashes.
// It is safe for concurrent use.
type Hasher struct {
	params Params
	random io.Reader
	slots  *semaphore.Weighted
	dummy  string // what the passwords of unknown users are compared with
}

// NewHasher returns a Hasher whose new hashes cost params, with salts from
// random (crypto/rand.Reader; it must be safe for concurrent use). At most
// parallel hashes are computed at once, since each takes its memory and a core;
// 0 or less means one for each core. It computes nothing yet.
func NewHasher(params Params, random io.Reader, parallel int) *Hasher {
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	dummy := passwordHash{params: params, salt: make([]byte, saltSize), digest: make([]byte, digestSize)}
	return &Hasher{
		params: params,
		random: random,
		slots:  semaphore.NewWeighted(int64(parallel)),
		dummy:  dummy.String(),
	}
}

// Hash returns the PHC string of a password, under a new salt. It waits for its
// turn no longer than the context allows; then the error wraps
// [lockout.ErrUnavailable].
func (h *Hasher) Hash(ctx context.Context, password string) (phc string, err error) {
	if !h.params.valid() {
		return "", fmt.Errorf("hashing password: parameters out of bounds: %+v", h.params)
	}
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(h.random, salt); err != nil {
		return "", fmt.Errorf("making salt: %w", err)
	}
	hash := passwordHash{params: h.params, salt: salt, digest: make([]byte, digestSize)}
	if hash.digest, err = h.digest(ctx, hash, password); err != nil {
		return "", err
	}
	return hash.String(), nil
}

// compare reports whether the password is the one that phc was made of.
func (h *Hasher) compare(ctx context.Context, phc, password string) (bool, error) {
	stored, err := parsePHC(phc)
	if err != nil {
		return false, err
	}
	digest, err := h.digest(ctx, stored, password)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(digest, stored.digest) == 1, nil
}

// digest computes the password's digest the way the hash was made.
func (h *Hasher) digest(ctx context.Context, as passwordHash, password string) ([]byte, error) {
	if err := h.slots.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("waiting to hash: %w: %w", lockout.ErrUnavailable, err)
	}
	defer h.slots.Release(1)
	p := as.params
	return argon2.IDKey([]byte(CanonicalPassword(password)), as.salt, p.Time, p.Memory, p.Threads, uint32(len(as.digest))), nil
}

// current reports whether the stored hash was made as a new one would be.
func (h *Hasher) current(phc string) bool {
	stored, err := parsePHC(phc)
	return err == nil && stored.params == h.params &&
		len(stored.salt) == saltSize && len(stored.digest) == digestSize
}

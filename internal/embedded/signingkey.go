package embedded

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/go-jose/go-jose/v4"
)

// keyBits is the size of the signing key, as Cognito's.
const keyBits = 2048

// A signingKey is the key that signs tokens. Making one takes a tenth of a
// second, so the store opens without waiting for it, and whoever needs it waits.
type signingKey struct {
	file  string
	ready chan struct{} // closed once the rest is set
	err   error
	key   *rsa.PrivateKey
	id    string // the key's RFC 7638 thumbprint
}

// openSigningKey reads the key, where there is one already.
func openSigningKey(file string) (*signingKey, error) {
	k := &signingKey{file: file, ready: make(chan struct{})}
	err := checkPrivate(file, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	key, err := parseKey(content)
	if err != nil {
		return nil, fmt.Errorf("signing key %s is %w: %w", file, ErrDamaged, err)
	}
	return k, k.set(key)
}

// make makes the key and keeps it, unless it was there already. An error is
// left for those who wait.
func (k *signingKey) make() {
	if k.key != nil {
		return
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err == nil {
		err = k.save(key)
	}
	if err == nil {
		err = k.set(key)
	}
	if err != nil {
		k.err = fmt.Errorf("making signing key: %w", err)
		close(k.ready)
	}
}

func (k *signingKey) save(key *rsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return createFile(k.file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func (k *signingKey) set(key *rsa.PrivateKey) error {
	thumbprint, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	k.key, k.id = key, base64.RawURLEncoding.EncodeToString(thumbprint)
	close(k.ready)
	return nil
}

// wait returns the key once it is there.
func (k *signingKey) wait(ctx context.Context) (*rsa.PrivateKey, string, error) {
	select {
	case <-k.ready:
		return k.key, k.id, unavailable(k.err)
	case <-ctx.Done():
		return nil, "", unavailable(ctx.Err())
	}
}

func parseKey(content []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || key.N.BitLen() < keyBits {
		return nil, fmt.Errorf("not an RSA key of %d bits or more", keyBits)
	}
	return key, nil
}

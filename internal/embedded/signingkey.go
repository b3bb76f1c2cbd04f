package embedded

import (
	"context"
	"crypto"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// keyBits is the size of the signing key, as Cognito's.
const keyBits = 2048

// A signingKey is the key that signs tokens. Making one takes a tenth of a
// second, so a new folder has none until somebody needs it.
type signingKey struct {
	file string
	once sync.Once
	err  error
	key  *rsa.PrivateKey
	id   string // the key's RFC 7638 thumbprint
}

// openSigningKey reads the key, where there is one already.
func openSigningKey(file string) (*signingKey, error) {
	k := &signingKey{file: file}
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

// get returns the key and its id, and makes it when there is none. What one
// call finds, all later ones do.
func (k *signingKey) get() (*rsa.PrivateKey, string, error) {
	k.once.Do(k.ensure)
	return k.key, k.id, unavailable(k.err)
}

// cursorLabel is what the key of the cursors is derived under.
const cursorLabel = "portcullis cursors"

// CursorKey returns the key that the cursors of lists are signed with: 32 bytes
// that are the folder's own and as secret as its signing key. It makes that one
// when there is none.
func (s *Store) CursorKey(context.Context) ([]byte, error) {
	key, err := s.Tokens.key.derive(cursorLabel)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of the cursors: %w", err)
	}
	return key, nil
}

// derive returns a key of 32 bytes that follows from the signing key and the
// label, by HKDF (RFC 5869) with SHA-256.
func (k *signingKey) derive(label string) ([]byte, error) {
	key, _, err := k.get()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, der, nil, label, sha256.Size)
}

func (k *signingKey) ensure() {
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
	return nil
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

package embedded

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
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

	"github.com/go-jose/go-jose/v4"

	"portcullis/internal/bearer"
)

// A signingKey is the key that signs tokens, for ES256: RS256, as Cognito has it,
// takes some twenty-five times as long for a signature, and there are two in a login
// beside one hash. A folder that an earlier version made has an RSA key, and keeps
// it, since sessions and cursors hang on it.
type signingKey struct {
	private   crypto.Signer
	algorithm jose.SignatureAlgorithm
	id        string // the key's RFC 7638 thumbprint
}

// openSigningKey reads the key, and makes one where there is none.
func openSigningKey(file string) (*signingKey, error) {
	err := checkPrivate(file, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return makeSigningKey(file)
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
	return key, nil
}

func makeSigningKey(file string) (*signingKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("making signing key: %w", err)
	}
	if err := createFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("making signing key: %w", err)
	}
	return newSigningKey(private, jose.ES256)
}

func newSigningKey(private crypto.Signer, algorithm jose.SignatureAlgorithm) (*signingKey, error) {
	thumbprint, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return &signingKey{private, algorithm, base64.RawURLEncoding.EncodeToString(thumbprint)}, nil
}

// public is the key for whoever verifies.
func (k *signingKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: string(k.algorithm), Use: "sig"}
}

// cursorLabel is what the key of the cursors is derived under.
const cursorLabel = "portcullis cursors"

// CursorKey returns the key that the cursors of lists are signed with: 32 bytes
// that are the folder's own and as secret as its signing key.
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
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, der, nil, label, sha256.Size)
}

func parseKey(content []byte) (*signingKey, error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	switch key := parsed.(type) {
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() {
			return newSigningKey(key, jose.ES256)
		}
	case *rsa.PrivateKey:
		if key.N.BitLen() >= bearer.MinKeyBits {
			return newSigningKey(key, jose.RS256)
		}
	}
	return nil, fmt.Errorf("neither a key on the curve P-256 nor an RSA key of %d bits or more", bearer.MinKeyBits)
}

package bearer_test

import (
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// signing are the ways in which tokens of ours are signed: Cognito's and the
// embedded mint's.
func signing() map[jose.SignatureAlgorithm]jose.JSONWebKey {
	ours, _ := keys()
	return map[jose.SignatureAlgorithm]jose.JSONWebKey{
		jose.RS256: {Key: ours, KeyID: "k1"}, jose.ES256: {Key: curve(), KeyID: "k3"},
	}
}

// signed returns a good token of ours.
func signed(b *testing.B, algorithm jose.SignatureAlgorithm, key jose.JSONWebKey) string {
	b.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, new(jose.SignerOptions).WithType("JWT"))
	if err != nil {
		b.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(good()).Serialize()
	if err != nil {
		b.Fatal(err)
	}
	return token
}

// BenchmarkSign signs one token. A session has two.
func BenchmarkSign(b *testing.B) {
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256} {
		key := signing()[algorithm]
		b.Run(string(algorithm), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				signed(b, algorithm, key)
			}
		})
	}
}

// BenchmarkVerify tells who is calling, as every request but a login begins.
func BenchmarkVerify(b *testing.B) {
	v := verifier()
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256} {
		key := signing()[algorithm]
		b.Run(string(algorithm), func(b *testing.B) {
			token := signed(b, algorithm, key)
			b.ReportAllocs()
			for b.Loop() {
				if caller, err := v.Verify(b.Context(), token); err != nil || caller.Username != "root" {
					b.Fatalf("got %+v, %v", caller, err)
				}
			}
		})
	}
}

package bearer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"portcullis/internal/access"
)

// How a token of FuzzVerify is signed. The fuzzer chooses, since it cannot sign.
const (
	byUs = iota
	byThem
	byNobody
	byOurPublicKey // as the secret of an HMAC
	notAtAll       // the header alone is the token
	byOurCurve     // with ES256
	signers
)

// FuzzVerify signs anything as a token, in each way. What is accepted was signed by
// us, with the algorithm of one of our keys, under its id, and says what an access token of ours must;
// and the caller is exactly whom it names.
func FuzzVerify(f *testing.F) {
	v := verifier()
	f.Fuzz(func(t *testing.T, header, payload []byte, signer byte) {
		token := signedBy(t, header, payload, signer%signers)
		caller, err := v.Verify(t.Context(), token)
		if err != nil {
			refuses(t, token)
			return
		}
		claims, why := honest(header, payload, signer%signers)
		if why != "" {
			t.Fatalf("accepted, but %s: %s %s", why, header, payload)
		}
		if got := caller.Client + "/" + caller.Username; got != claims.Username || strings.Contains(caller.Client, "/") {
			t.Errorf("the caller is %q, and the token of %q", got, claims.Username)
		}
		if want := onlyRole(claims.Groups); caller.Role != want {
			t.Errorf("the role is %q of %q, want %q", caller.Role, claims.Groups, want)
		}
	})
}

// TestTheSeedsOfFuzzVerifyAreNotAllRefused keeps the target from proving nothing.
func TestTheSeedsOfFuzzVerifyAreNotAllRefused(t *testing.T) {
	payload, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	header := []byte(`{"alg":"RS256","kid":"k1"}`)
	if _, why := honest(header, payload, byUs); why != "" {
		t.Errorf("the reference refuses a good token: %s", why)
	}
	if _, err := verifier().Verify(t.Context(), signedBy(t, header, payload, byUs)); err != nil {
		t.Errorf("a good token: %v", err)
	}
	header = []byte(`{"alg":"ES256","kid":"k3"}`)
	if _, err := verifier().Verify(t.Context(), signedBy(t, header, payload, byOurCurve)); err != nil {
		t.Errorf("a good token on our curve: %v", err)
	}
}

// signedBy makes a token without any library for tokens.
func signedBy(t *testing.T, header, payload []byte, signer byte) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	ours, theirs := keys()
	signed := encode(header) + "." + encode(payload)
	sum := sha256.Sum256([]byte(signed))
	key := ours
	switch signer {
	case notAtAll:
		return string(header)
	case byNobody:
		return signed + "."
	case byOurPublicKey:
		mac := hmac.New(sha256.New, x509.MarshalPKCS1PublicKey(&ours.PublicKey))
		mac.Write([]byte(signed))
		return signed + "." + encode(mac.Sum(nil))
	case byThem:
		key = theirs
	case byOurCurve:
		r, s, err := ecdsa.Sign(rand.Reader, curve(), sum[:])
		if err != nil {
			t.Fatal(err)
		}
		signature := make([]byte, 64) // RFC 7518, 3.4
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return signed + "." + encode(signature)
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}

// The claims as this test reads them: strictly, with no name twice.
type strictClaims struct {
	Issuer   string   `json:"iss"`
	Use      string   `json:"token_use"`
	ClientID string   `json:"client_id"`
	Username string   `json:"username"`
	Groups   []string `json:"cognito:groups"`
	Expiry   *float64 `json:"exp"`
	Issued   *float64 `json:"iat"`
	Before   *float64 `json:"nbf"`
}

// honest returns what a token says that we could have made, and else why it is
// none.
func honest(header, payload []byte, signer byte) (c strictClaims, why string) {
	var h struct {
		Algorithm string `json:"alg"`
		Key       string `json:"kid"`
	}
	algorithm, id := "RS256", "k1"
	if signer == byOurCurve {
		algorithm, id = "ES256", "k3"
	}
	instant := float64(now.Unix())
	switch {
	case signer != byUs && signer != byOurCurve:
		return c, "we did not sign it"
	case jsonv2.Unmarshal(header, &h) != nil || h.Algorithm != algorithm || h.Key != id:
		return c, "the header is not of the key's algorithm under its id"
	case jsonv2.Unmarshal(payload, &c) != nil:
		return c, "the claims are not JSON with each name once"
	case c.Issuer != issuer || c.Use != "access" || c.ClientID != clientID:
		return c, "it is not an access token of our app client"
	case c.Expiry == nil || *c.Expiry+5 <= instant:
		return c, "it is expired"
	case c.Issued == nil || *c.Issued >= instant+6 || c.Before != nil && *c.Before >= instant+6: // times count in whole seconds
		return c, "it is from the future"
	}
	if client, name, ok := strings.Cut(c.Username, "/"); !ok || client == "" || name == "" {
		return c, "the username is not client/username"
	}
	return c, ""
}

// onlyRole returns the one group that is a role.
func onlyRole(groups []string) access.Role {
	var found access.Role
	for _, role := range access.Roles() {
		if !slices.Contains(groups, string(role)) {
			continue
		}
		if found != "" {
			return ""
		}
		found = role
	}
	return found
}

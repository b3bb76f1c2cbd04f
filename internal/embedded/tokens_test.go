package embedded_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis/internal/access"
	"portcullis/internal/bearer"
	"portcullis/internal/embedded"
)

// ana is a user to mint tokens for.
func ana() access.User {
	return access.User{Client: "acme", Username: "ana.silva", Role: access.Manager, CreatedAt: at(), SessionsSince: at()}
}

func TestTokensSayWhatCognitosSay(t *testing.T) {
	s := open(t, folder(t), at)
	defer closeStore(t, s)
	session, err := s.Tokens.Mint(context.Background(), ana())
	if err != nil {
		t.Fatal(err)
	}
	common := bearer.Claims{
		Issuer: embedded.Issuer, Groups: []string{"Manager"}, AuthTime: jwt.NewNumericDate(at()),
		IssuedAt: jwt.NewNumericDate(at()), Expiry: jwt.NewNumericDate(at().Add(session.ExpiresIn)),
	}
	wantAccess, wantID := common, common
	wantAccess.TokenUse, wantAccess.ClientID, wantAccess.Username = "access", embedded.ClientID, "acme/ana.silva"
	wantID.TokenUse, wantID.Audience, wantID.CognitoUsername = "id", jwt.Audience{embedded.ClientID}, "acme/ana.silva"
	gotAccess, gotID := claimsOf(t, s, session.AccessToken), claimsOf(t, s, session.IDToken)
	made := cmpopts.IgnoreFields(bearer.Claims{}, "Subject", "ID")
	if diff := cmp.Diff([]bearer.Claims{gotAccess, gotID}, []bearer.Claims{wantAccess, wantID}, made); diff != "" {
		t.Errorf("claims: got -, want +:\n%s", diff)
	}
	if gotAccess.Subject == "" || gotAccess.Subject != gotID.Subject || gotAccess.ID == "" || gotAccess.ID == gotID.ID {
		t.Errorf("got subjects %q and %q, ids %q and %q; want one subject and two ids",
			gotAccess.Subject, gotID.Subject, gotAccess.ID, gotID.ID)
	}
}

// claimsOf reads a token that the store's key signed.
func claimsOf(t *testing.T, s *embedded.Store, token string) bearer.Claims {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Tokens.Key(context.Background(), parsed.Headers[0].KeyID)
	if err != nil {
		t.Fatal(err)
	}
	var claims bearer.Claims
	if err := parsed.Claims(key.Key, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// A folder that an earlier version made keeps its key, and its sessions.
func TestAFolderWithAnRSAKeySignsWithIt(t *testing.T) {
	dir := withKey(t)
	keyOf(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })(t, dir)
	s := open(t, dir, at)
	defer closeStore(t, s)
	session, err := s.Tokens.Mint(context.Background(), ana())
	if err != nil {
		t.Fatal(err)
	}
	verifier := bearer.Verifier{Issuer: embedded.Issuer, ClientID: embedded.ClientID, Keys: s.Tokens, Now: at}
	caller, err := verifier.Verify(context.Background(), session.AccessToken)
	if err != nil || caller.Username != "ana.silva" {
		t.Errorf("got %v, %v", caller, err)
	}
	header, _, _ := strings.Cut(session.AccessToken, ".")
	if text, err := base64.RawURLEncoding.DecodeString(header); err != nil || !strings.Contains(string(text), `"RS256"`) {
		t.Errorf("got the header %s, %v; want RS256", text, err)
	}
}

func TestNoSecretOfASessionIsStored(t *testing.T) {
	dir := folder(t)
	s := open(t, dir, at)
	session, err := s.Tokens.Mint(context.Background(), ana())
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	stored, err := os.ReadFile(filepath.Join(dir, "portcullis.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{session.RefreshToken, session.AccessToken, session.IDToken} {
		if bytes.Contains(stored, []byte(secret)) {
			t.Errorf("the file holds %.12s…", secret)
		}
	}
	if !bytes.Contains(stored, []byte(`"username":"ana.silva"`)) {
		t.Error("the file does not hold the session")
	}
}

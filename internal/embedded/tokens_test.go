package embedded_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis/internal/access"
	"portcullis/internal/embedded"
	"portcullis/internal/tokens"
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
	common := tokens.Claims{
		Issuer: embedded.Issuer, Groups: []string{"Manager"}, AuthTime: jwt.NewNumericDate(at()),
		IssuedAt: jwt.NewNumericDate(at()), Expiry: jwt.NewNumericDate(at().Add(session.ExpiresIn)),
	}
	wantAccess, wantID := common, common
	wantAccess.TokenUse, wantAccess.ClientID, wantAccess.Username = "access", embedded.ClientID, "acme/ana.silva"
	wantID.TokenUse, wantID.Audience, wantID.CognitoUsername = "id", jwt.Audience{embedded.ClientID}, "acme/ana.silva"
	gotAccess, gotID := claimsOf(t, s, session.AccessToken), claimsOf(t, s, session.IDToken)
	made := cmpopts.IgnoreFields(tokens.Claims{}, "Subject", "ID")
	if diff := cmp.Diff([]tokens.Claims{gotAccess, gotID}, []tokens.Claims{wantAccess, wantID}, made); diff != "" {
		t.Errorf("claims: got -, want +:\n%s", diff)
	}
	if gotAccess.Subject == "" || gotAccess.Subject != gotID.Subject || gotAccess.ID == "" || gotAccess.ID == gotID.ID {
		t.Errorf("got subjects %q and %q, ids %q and %q; want one subject and two ids",
			gotAccess.Subject, gotID.Subject, gotAccess.ID, gotID.ID)
	}
}

// claimsOf reads a token that the store's key signed.
func claimsOf(t *testing.T, s *embedded.Store, token string) tokens.Claims {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Tokens.Key(context.Background(), parsed.Headers[0].KeyID)
	if err != nil {
		t.Fatal(err)
	}
	var claims tokens.Claims
	if err := parsed.Claims(key, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
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

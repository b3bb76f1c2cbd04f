package tokens_test

import (
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/internal/bearer"
	"portcullis/internal/environ"
	"portcullis/internal/lockouttest"
	"portcullis/internal/tokens"
)

// identity is what the command infra/ministack exports about the user pool.
type identity struct {
	environ.AWS
	Issuer environ.Issuer
	Secret environ.Parameter `env:"PORTCULLIS_TOKEN_SECRET_PARAMETER,required,notEmpty"`
}

func readIdentity(t *testing.T) identity {
	t.Helper()
	pool, err := environ.Parse[identity](os.Environ())
	if err != nil {
		t.Fatalf("no user pool to test with, run `make test`: %v", err)
	}
	return pool
}

func (pool identity) minter() *tokens.Minter {
	config := pool.AWS.Config()
	return tokens.NewMinter(cognitoidentityprovider.NewFromConfig(config), ssm.NewFromConfig(config),
		string(pool.Issuer.UserPoolID), string(pool.Issuer.AppClientID), string(pool.Secret), time.Now)
}

// The emulator, started as infra/ministack does, ends refresh tokens at
// RevokeToken, at AdminUserGlobalSignOut and with the user, and this fails when
// it does not. Nothing rests on the latter two: the mark in our own envelope is
// tested without them.
func TestCognitoMintsTokens(t *testing.T) {
	lockouttest.TestTokens(t, func(t *testing.T) lockouttest.Tokens {
		pool := readIdentity(t)
		return lockouttest.Tokens{
			Mint: pool.minter(), KeepsUsers: true,
			Verifier: &bearer.Verifier{
				Issuer: pool.Issuer.Address(pool.Region), ClientID: string(pool.Issuer.AppClientID),
				Keys: bearer.NewJWKS(pool.Issuer.Keys(pool.Region), environ.HTTPClient(), time.Now), Now: time.Now,
			},
		}
	})
}

// InitiateAuth is open to the world, and the client's id is in every token. The
// emulator checks the secret hash only when it is started as infra/ministack
// does; this fails when it does not.
func TestARefreshTokenAloneRenewsNothing(t *testing.T) {
	pool, user := readIdentity(t), ana
	user.Client = "t" + strings.ToLower(rand.Text())
	m := pool.minter()
	if err := m.Enrol(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	session, err := m.Mint(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	public := cognitoidentityprovider.NewFromConfig(pool.AWS.Config())
	for name, hash := range map[string]string{"no secret hash": "", "a secret hash made without the secret": secretHashes[firstClientSecret]} {
		parameters := map[string]string{"REFRESH_TOKEN": session.RefreshToken}
		if hash != "" {
			parameters["SECRET_HASH"] = hash
		}
		_, err := public.InitiateAuth(t.Context(), &cognitoidentityprovider.InitiateAuthInput{
			ClientId: aws.String(string(pool.Issuer.AppClientID)), AuthFlow: types.AuthFlowTypeRefreshTokenAuth, AuthParameters: parameters,
		})
		var refused *types.NotAuthorizedException
		if !errors.As(err, &refused) {
			t.Errorf("with %s: got %v, want NotAuthorizedException", name, err)
		}
	}
}

package tokens_test

import (
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

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

func TestCognitoMintsTokens(t *testing.T) {
	lockouttest.TestTokens(t, func(t *testing.T) lockouttest.Tokens {
		pool, err := environ.Parse[identity](os.Environ())
		if err != nil {
			t.Fatalf("no user pool to test with, run `make test`: %v", err)
		}
		config := pool.AWS.Config()
		return lockouttest.Tokens{
			Mint: tokens.NewMinter(cognitoidentityprovider.NewFromConfig(config), ssm.NewFromConfig(config),
				string(pool.Issuer.UserPoolID), string(pool.Issuer.AppClientID), string(pool.Secret), time.Now),
			Verifier: &tokens.Verifier{
				Issuer: pool.Issuer.Address(pool.Region), ClientID: string(pool.Issuer.AppClientID),
				Keys: tokens.NewJWKS(pool.Issuer.Keys(pool.Region), environ.HTTPClient(), time.Now), Now: time.Now,
			},
		}
	})
}

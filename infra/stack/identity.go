package stack

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"portcullis/internal/access"
)

const (
	// accessTokenMinutes is what the API's expires_in of 900 s says.
	accessTokenMinutes = 15
	// machinePasswordMinimum is below the length of any encoding of 32 bytes.
	// The pool asks for no classes of characters: an HMAC has all its strength
	// in its length.
	machinePasswordMinimum = 32
	// secretBytes is the key length of HMAC-SHA256 (RFC 2104, section 3: at
	// least the length of the hash).
	secretBytes = 32
)

// Identity is where the tokens come from.
type Identity struct {
	UserPoolID, AppClientID string
	SecretParameter         string // the name in SSM of the machine passwords' secret
	Issuer, JWKSURL         string
}

// CreateIdentity makes a user pool with case-sensitive usernames, its app
// client, a group for each role, and the token secret of the stage. The app
// client allows the admin flow and refresh and nothing else. The endpoint is
// where the pool's keys are served: an emulator cannot serve them under the
// issuer that its tokens name.
func CreateIdentity(ctx context.Context, idp *cognitoidentityprovider.Client, parameters *ssm.Client, endpoint, stage string) (Identity, error) {
	pool, err := createPool(ctx, idp, stage)
	if err != nil {
		return Identity{}, fmt.Errorf("creating user pool: %w", err)
	}
	client, err := createAppClient(ctx, idp, pool)
	if err != nil {
		return Identity{}, fmt.Errorf("creating app client: %w", err)
	}
	secret := "/portcullis/" + stage + "/token-secret"
	if err := createSecret(ctx, parameters, secret); err != nil {
		return Identity{}, fmt.Errorf("creating token secret: %w", err)
	}
	return Identity{
		UserPoolID: pool, AppClientID: client, SecretParameter: secret,
		Issuer:  issuer(idp.Options().Region, pool),
		JWKSURL: strings.TrimSuffix(endpoint, "/") + "/" + pool + "/.well-known/jwks.json",
	}, nil
}

// issuer is the "iss" of a pool's tokens, from the Cognito Developer Guide,
// "Verifying JSON web tokens".
func issuer(region, pool string) string {
	return "https://cognito-idp." + region + ".amazonaws.com/" + pool
}

func createPool(ctx context.Context, idp *cognitoidentityprovider.Client, stage string) (string, error) {
	pool, err := idp.CreateUserPool(ctx, &cognitoidentityprovider.CreateUserPoolInput{
		PoolName:              aws.String("portcullis-" + stage),
		UsernameConfiguration: &cognito.UsernameConfigurationType{CaseSensitive: aws.Bool(true)},
		AdminCreateUserConfig: &cognito.AdminCreateUserConfigType{AllowAdminCreateUserOnly: true},
		Policies: &cognito.UserPoolPolicyType{PasswordPolicy: &cognito.PasswordPolicyType{
			MinimumLength: aws.Int32(machinePasswordMinimum),
		}},
	})
	if err != nil {
		return "", err
	}
	for _, role := range access.Roles() {
		_, err := idp.CreateGroup(ctx, &cognitoidentityprovider.CreateGroupInput{
			UserPoolId: pool.UserPool.Id, GroupName: aws.String(string(role)),
		})
		if err != nil {
			return "", fmt.Errorf("creating group %s: %w", role, err)
		}
	}
	return *pool.UserPool.Id, nil
}

func createAppClient(ctx context.Context, idp *cognitoidentityprovider.Client, pool string) (string, error) {
	client, err := idp.CreateUserPoolClient(ctx, &cognitoidentityprovider.CreateUserPoolClientInput{
		UserPoolId:     &pool,
		ClientName:     aws.String("portal"),
		GenerateSecret: true,
		ExplicitAuthFlows: []cognito.ExplicitAuthFlowsType{
			cognito.ExplicitAuthFlowsTypeAllowAdminUserPasswordAuth,
			cognito.ExplicitAuthFlowsTypeAllowRefreshTokenAuth,
		},
		AccessTokenValidity: aws.Int32(accessTokenMinutes),
		IdTokenValidity:     aws.Int32(accessTokenMinutes),
		TokenValidityUnits: &cognito.TokenValidityUnitsType{
			AccessToken: cognito.TimeUnitsTypeMinutes, IdToken: cognito.TimeUnitsTypeMinutes,
		},
		EnableTokenRevocation:      aws.Bool(true),
		PreventUserExistenceErrors: cognito.PreventUserExistenceErrorTypesEnabled,
	})
	if err != nil {
		return "", err
	}
	return *client.UserPoolClient.ClientId, nil
}

func createSecret(ctx context.Context, parameters *ssm.Client, name string) error {
	secret := make([]byte, secretBytes)
	rand.Read(secret) // never fails; see crypto/rand
	_, err := parameters.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &name, Type: ssmtypes.ParameterTypeSecureString,
		Value: aws.String(base64.StdEncoding.EncodeToString(secret)),
	})
	return err
}

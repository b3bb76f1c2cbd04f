package stack

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// secretBytes is the key length of HMAC-SHA256 (RFC 2104, section 3: at least
// the length of the hash).
const secretBytes = 32

// Identity is where the tokens come from, and the names in SSM of the secrets.
type Identity struct {
	UserPoolID, AppClientID string
	SecretParameter         string // of the machine passwords
	CursorSecretParameter   string // of the cursors
	Issuer, JWKSURL         string
}

// DeployIdentity makes the user pool of infra/identity.yaml, which is the
// template, as a stack of the name, and the secrets of the stage. The endpoint is
// where the pool's keys are served: an emulator cannot serve them under the issuer
// that its tokens name.
func DeployIdentity(ctx context.Context, cfn *cloudformation.Client, parameters *ssm.Client, template []byte, endpoint, name, stage string) (Identity, error) {
	outputs, err := deploy(ctx, cfn, name, template, map[string]string{"Stage": stage})
	if err != nil {
		return Identity{}, err
	}
	made := Identity{
		SecretParameter:       "/portcullis/" + stage + "/token-secret",
		CursorSecretParameter: "/portcullis/" + stage + "/cursor-secret",
	}
	if err := take(outputs, map[string]*string{"UserPool": &made.UserPoolID, "AppClient": &made.AppClientID}); err != nil {
		return Identity{}, err
	}
	for _, secret := range []string{made.SecretParameter, made.CursorSecretParameter} {
		if err := createSecret(ctx, parameters, secret); err != nil {
			return Identity{}, fmt.Errorf("creating %s: %w", secret, err)
		}
	}
	made.Issuer = issuer(cfn.Options().Region, made.UserPoolID)
	made.JWKSURL = strings.TrimSuffix(endpoint, "/") + "/" + made.UserPoolID + "/.well-known/jwks.json"
	return made, nil
}

// issuer is the "iss" of a pool's tokens, from the Cognito Developer Guide,
// "Verifying JSON web tokens".
func issuer(region, pool string) string {
	return "https://cognito-idp." + region + ".amazonaws.com/" + pool
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

package stack

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
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

// CreateIdentity makes the template's UserPool, its groups and its AppClient,
// and the secrets of the stage, which no template can make. The endpoint
// is where the pool's keys are served: an emulator cannot serve them under the
// issuer that its tokens name.
func CreateIdentity(ctx context.Context, idp *cognitoidentityprovider.Client, parameters *ssm.Client, template []byte, endpoint, stage string) (Identity, error) {
	resources, err := readResources(template)
	if err != nil {
		return Identity{}, err
	}
	m := mint{idp: idp, resources: resources, values: values{"Stage": stage}}
	pool, err := m.createPool(ctx)
	if err != nil {
		return Identity{}, fmt.Errorf("creating user pool: %w", err)
	}
	m.values["UserPool"] = pool
	if err := m.createGroups(ctx); err != nil {
		return Identity{}, fmt.Errorf("creating groups: %w", err)
	}
	client, err := m.createAppClient(ctx)
	if err != nil {
		return Identity{}, fmt.Errorf("creating app client: %w", err)
	}
	secrets := []string{"/portcullis/" + stage + "/token-secret", "/portcullis/" + stage + "/cursor-secret"}
	for _, name := range secrets {
		if err := createSecret(ctx, parameters, name); err != nil {
			return Identity{}, fmt.Errorf("creating %s: %w", name, err)
		}
	}
	return Identity{
		UserPoolID: pool, AppClientID: client, SecretParameter: secrets[0], CursorSecretParameter: secrets[1],
		Issuer:  issuer(idp.Options().Region, pool),
		JWKSURL: strings.TrimSuffix(endpoint, "/") + "/" + pool + "/.well-known/jwks.json",
	}, nil
}

// issuer is the "iss" of a pool's tokens, from the Cognito Developer Guide,
// "Verifying JSON web tokens".
func issuer(region, pool string) string {
	return "https://cognito-idp." + region + ".amazonaws.com/" + pool
}

// A mint makes the resources of a template that are Cognito's.
type mint struct {
	idp       *cognitoidentityprovider.Client
	resources map[string]resource
	values    values
}

// input fills a call's input from the resource of the type.
func (m mint) input(id, kind string, into any, renamed map[string]string) error {
	described, ok := m.resources[id]
	if !ok || described.Type != kind {
		return fmt.Errorf("the template has no %s named %s", kind, id)
	}
	if err := described.input(into, m.values, renamed); err != nil {
		return fmt.Errorf("reading %s of the template: %w", id, err)
	}
	return nil
}

func (m mint) createPool(ctx context.Context) (string, error) {
	var in cognitoidentityprovider.CreateUserPoolInput
	if err := m.input("UserPool", "AWS::Cognito::UserPool", &in, map[string]string{"UserPoolName": "PoolName"}); err != nil {
		return "", err
	}
	out, err := m.idp.CreateUserPool(ctx, &in)
	if err != nil {
		return "", err
	}
	return *out.UserPool.Id, nil
}

func (m mint) createGroups(ctx context.Context) error {
	const kind = "AWS::Cognito::UserPoolGroup"
	for id, resource := range m.resources {
		if resource.Type != kind {
			continue
		}
		var in cognitoidentityprovider.CreateGroupInput
		if err := m.input(id, kind, &in, nil); err != nil {
			return err
		}
		if _, err := m.idp.CreateGroup(ctx, &in); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	return nil
}

func (m mint) createAppClient(ctx context.Context) (string, error) {
	var in cognitoidentityprovider.CreateUserPoolClientInput
	if err := m.input("AppClient", "AWS::Cognito::UserPoolClient", &in, nil); err != nil {
		return "", err
	}
	out, err := m.idp.CreateUserPoolClient(ctx, &in)
	if err != nil {
		return "", err
	}
	return *out.UserPoolClient.ClientId, nil
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

package tokens

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"

	"portcullis/internal/access"
	"portcullis/internal/secrets"
)

// passwordPrefix has one character of each kind that a user pool's password
// policy can ask for. It adds nothing to the secrecy.
const passwordPrefix = "Aa1!"

// clientSecret returns the secret that Cognito made for the app client. A
// client without one is refused: anybody could renew its sessions.
func clientSecret(c *cognito.Client, pool, appClient string) secrets.Fetch {
	return func(ctx context.Context) ([]byte, error) {
		answer, err := c.DescribeUserPoolClient(ctx, &cognito.DescribeUserPoolClientInput{
			UserPoolId: aws.String(pool), ClientId: aws.String(appClient),
		})
		if err != nil {
			return nil, err
		}
		if answer.UserPoolClient == nil || aws.ToString(answer.UserPoolClient.ClientSecret) == "" {
			return nil, errors.New("the app client has none")
		}
		return []byte(aws.ToString(answer.UserPoolClient.ClientSecret)), nil
	}
}

// secretHash proves to Cognito that we know the app client's secret: the
// SECRET_HASH of the Cognito Developer Guide, "Computing secret hash values".
func secretHash(clientSecret []byte, name, appClient string) string {
	mac := hmac.New(sha256.New, clientSecret)
	mac.Write([]byte(name + appClient))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// machinePassword returns what Cognito takes for the user's password.
func machinePassword(secret []byte, user access.User) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(cognitoName(user)))
	return passwordPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// cognitoName returns the user's name in the pool, "client/username".
func cognitoName(user access.User) string { return user.Client + "/" + user.Username }

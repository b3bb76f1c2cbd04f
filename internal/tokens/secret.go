package tokens

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

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
	return base64.StdEncoding.EncodeToString(hmacSHA256(clientSecret, name+appClient))
}

// machinePassword returns what Cognito takes for the user's password. It is
// bound to when the user was created: a login that read a user who was deleted
// and created anew meanwhile cannot begin a session of the new one.
func machinePassword(secret []byte, user access.User) string {
	of := fmt.Sprintf("%s %d", cognitoName(user), user.CreatedAt.UnixMilli())
	return passwordPrefix + base64.RawURLEncoding.EncodeToString(hmacSHA256(secret, of))
}

// hmacSHA256 returns the HMAC of the text.
func hmacSHA256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// cognitoName returns the user's name in the pool, "client/username".
func cognitoName(user access.User) string { return user.Client + "/" + user.Username }

func unauthorized(reason string) error {
	return fmt.Errorf("%w: %s", access.ErrUnauthorized, reason)
}

package secrets

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// minBytes is the shortest secret taken: as long as the hash, as RFC 2104 asks
// of an HMAC's key.
const minBytes = sha256.Size

// Parameter reads the secret from Parameter Store, where it is a SecureString of
// 32 bytes or more.
func Parameter(s *ssm.Client, name string) Fetch {
	return func(ctx context.Context) ([]byte, error) {
		answer, err := s.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		if err != nil {
			return nil, err
		}
		if answer.Parameter == nil || len(aws.ToString(answer.Parameter.Value)) < minBytes {
			return nil, errors.New("it is shorter than 32 bytes")
		}
		return []byte(aws.ToString(answer.Parameter.Value)), nil
	}
}

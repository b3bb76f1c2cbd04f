package users

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithytime "github.com/aws/smithy-go/time"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// batchSize is the most keys that one BatchGetItem takes, from the DynamoDB API
// Reference.
const batchSize = 100

// batchTries bounds how often one batch is asked for until all of it is there,
// as the batches of package attempts are.
const batchTries = 6

// errBusy says that DynamoDB left keys out of its answers.
var errBusy = errors.New("the table is busy")

// ReadMany returns those of several users who are there, without reading the
// password hashes.
func (s *Store) ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]access.User, error) {
	wanted := make(map[lockout.Key]item, len(keys)) // DynamoDB refuses a key that is named twice
	for _, key := range keys {
		if key.Username() != clientItem {
			wanted[key] = keyOf(key.Client(), key.Username())
		}
	}
	found := make(map[lockout.Key]access.User, len(wanted))
	for batch := range slices.Chunk(slices.Collect(maps.Values(wanted)), batchSize) {
		items, err := s.batch(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("reading users: %w", err)
		}
		for _, i := range items {
			user, err := readUser(i)
			if err != nil {
				return nil, fmt.Errorf("reading users: %w", err)
			}
			found[lockout.NewKey(user.Client, user.Username)] = user
		}
	}
	return found, nil
}

// batch reads up to batchSize users, asking again for those that DynamoDB left
// out because it was busy or the answer full.
func (s *Store) batch(ctx context.Context, keys []item) ([]item, error) {
	var found []item
	for try := 1; ; try++ {
		out, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{s.table: {
				Keys: keys, ConsistentRead: aws.Bool(true),
				ProjectionExpression: aws.String(userProjection), ExpressionAttributeNames: namesIn(userProjection),
			}},
		})
		if err != nil {
			return nil, unavailable(err)
		}
		found = append(found, out.Responses[s.table]...)
		keys = out.UnprocessedKeys[s.table].Keys
		if len(keys) == 0 {
			return found, nil
		}
		if try == batchTries {
			return nil, unavailable(errBusy)
		}
		if err := s.pause(ctx, try); err != nil {
			return nil, unavailable(err)
		}
	}
}

// pause waits before another try, as long as the SDK would for a transaction
// that another one stood in the way of.
func (s *Store) pause(ctx context.Context, try int) error {
	wait, err := s.db.Options().Retryer.RetryDelay(try, errBusy)
	if err != nil {
		return err
	}
	return smithytime.SleepWithContext(ctx, wait)
}

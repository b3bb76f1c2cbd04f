package attempts

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// lockedIndex is the sparse index of the package comment.
const lockedIndex = "locked-users"

// Locked returns up to limit usernames of a client's locked users, in the order
// of their bytes, beginning behind the name after ("" for the start), and
// whether there may be more. Names that nobody has are never among them. The
// index lags behind by a moment, so a lock that was just written may be missing
// and one that was just undone still there: what counts is the record of each,
// which [Store.ReadMany] reads as it is. Errors wrap [lockout.ErrUnavailable].
func (s *Store) Locked(ctx context.Context, client, after string, limit int) (usernames []string, more bool, err error) {
	query := s.lockedQuery(client, after, limit)
	out, err := retried(ctx, s, func() (*dynamodb.QueryOutput, error) { return s.db.Query(ctx, query) })
	if err != nil {
		return nil, false, unavailable("listing locked users", err)
	}
	for _, it := range out.Items {
		d := decoder{item: it}
		name, _ := strings.CutPrefix(d.text("user"), userPrefix(client))
		if d.err != nil {
			return nil, false, unavailable("listing locked users", d.err)
		}
		usernames = append(usernames, name)
	}
	if len(usernames) > limit {
		return usernames[:limit], true, nil
	}
	return usernames, out.LastEvaluatedKey != nil, nil
}

// lockedQuery asks for one item more than the caller does, which tells whether
// there are more. An item of the index is two keys, so one page of DynamoDB
// (1 MB) holds thousands.
func (s *Store) lockedQuery(client, after string, limit int) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: &s.table, IndexName: aws.String(lockedIndex), Limit: aws.Int32(int32(limit) + 1),
		KeyConditionExpression:    aws.String("locked_client = :client AND #user > :after"),
		ProjectionExpression:      aws.String("#user"),
		ExpressionAttributeNames:  map[string]string{"#user": "user"}, // a word of DynamoDB's own
		ExpressionAttributeValues: item{":client": text(client), ":after": text(userPrefix(client) + after)},
	}
}

// userPrefix is what the keys of a client's users begin with.
func userPrefix(client string) string { return client + "/" }

package users

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"portcullis/internal/access"
)

// List returns up to limit users of a client, by username in the order of its
// bytes, beginning behind the name after ("" for the start), and whether there
// are more. It reads no password hash. A client that does not exist has no
// users.
func (s *Store) List(ctx context.Context, client, after string, limit int) (users []access.User, more bool, err error) {
	if CheckClient(client) != nil {
		return nil, false, nil
	}
	pages := dynamodb.NewQueryPaginator(s.db, s.listQuery(client, after, limit))
	for pages.HasMorePages() && len(users) <= limit {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, false, fmt.Errorf("listing users: %w", unavailable(err))
		}
		if users, err = appendUsers(users, page.Items); err != nil {
			return nil, false, fmt.Errorf("listing users: %w", err)
		}
	}
	return users[:min(limit, len(users))], len(users) > limit, nil
}

// listQuery asks for two items more than the caller does: one that tells
// whether there are more, and the client's own, which is among its users.
func (s *Store) listQuery(client, after string, limit int) *dynamodb.QueryInput {
	query := &dynamodb.QueryInput{
		TableName:                 &s.table,
		KeyConditionExpression:    aws.String("#client = :client"),
		ProjectionExpression:      aws.String(userProjection),
		ExpressionAttributeNames:  namesIn(userProjection),
		ExpressionAttributeValues: item{":client": textValue(client)},
		ConsistentRead:            aws.Bool(true),
		Limit:                     aws.Int32(int32(limit) + 2),
	}
	if after != "" {
		query.KeyConditionExpression = aws.String("#client = :client AND #username > :after")
		query.ExpressionAttributeValues[":after"] = textValue(after)
	}
	return query
}

func appendUsers(users []access.User, items []item) ([]access.User, error) {
	for _, i := range items {
		if text(i, attrUsername) == clientItem {
			continue
		}
		user, err := readUser(i)
		if err != nil {
			return nil, err
		}
		users = append(users, user)
	}
	return users, nil
}

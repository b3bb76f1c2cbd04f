package users

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"portcullis/internal/access"
)

// listPages bounds how much of the table one List reads: DynamoDB ends a page
// after 1 MB, which is some 4,000 users.
const listPages = 2

// List returns the users of a client that a listing is of, by username in the
// order of its bytes, and the username to go on behind, "" at the end. Where few
// are found among many, there may be fewer than the limit, or none, and more to
// come all the same. It reads no password hash. A client that does not exist
// has no users.
func (s *Store) List(ctx context.Context, l access.Listing) (users []access.User, next string, err error) {
	if CheckClient(l.Client) != nil {
		return nil, "", nil
	}
	query := s.listQuery(l)
	for range listPages {
		page, err := s.db.Query(ctx, query)
		if err != nil {
			return nil, "", fmt.Errorf("listing users: %w", unavailable(err))
		}
		if users, err = appendUsers(users, page.Items); err != nil {
			return nil, "", fmt.Errorf("listing users: %w", err)
		}
		if len(users) > l.Limit {
			return users[:l.Limit], users[l.Limit-1].Username, nil
		}
		query.ExclusiveStartKey = page.LastEvaluatedKey
		if len(page.LastEvaluatedKey) == 0 {
			break
		}
	}
	return users, text(query.ExclusiveStartKey, attrUsername), nil
}

// listQuery asks for the users of a listing. Where it filters, DynamoDB's limit
// would count those who do not match, so there is none. Where it does not, it
// asks for two items more than the caller does: one that tells whether there are
// more, and the client's own, which is among its users.
func (s *Store) listQuery(l access.Listing) *dynamodb.QueryInput {
	query := &dynamodb.QueryInput{
		TableName:                 &s.table,
		KeyConditionExpression:    aws.String("#client = :client"),
		ProjectionExpression:      aws.String(userProjection),
		ExpressionAttributeNames:  namesIn(userProjection),
		ExpressionAttributeValues: item{":client": textValue(l.Client)},
		ConsistentRead:            aws.Bool(true),
	}
	if l.After != "" {
		query.KeyConditionExpression = aws.String("#client = :client AND #username > :after")
		query.ExpressionAttributeValues[":after"] = textValue(l.After)
	}
	if !filter(query, l) {
		query.Limit = aws.Int32(int32(l.Limit) + 2)
	}
	return query
}

// filter has only those leave the table who match, and reports whether there is
// anything to match. The client's own item never does.
func filter(query *dynamodb.QueryInput, l access.Listing) bool {
	var filters []string
	if l.Role != "" {
		filters = append(filters, "#role = :role")
		query.ExpressionAttributeValues[":role"] = textValue(string(l.Role))
	}
	if l.Text != "" {
		filters = append(filters, "contains(#search, :text)")
		query.ExpressionAttributeNames["#search"] = attrSearch
		query.ExpressionAttributeValues[":text"] = textValue(strings.ToLower(l.Text))
	}
	if len(filters) == 0 {
		return false
	}
	query.FilterExpression = aws.String(strings.Join(filters, " AND "))
	return true
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

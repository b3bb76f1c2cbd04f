package audit

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/lockout"
)

// maxPages is how many pages of DynamoDB, of 1 MB each, one call reads. A page
// is a thousand entries or more.
const maxPages = 2

// Entries returns the entries that are asked for, newest first, and the id to
// go on before, which is empty at the end. It reads at most two pages of
// DynamoDB, so with a filter that few entries match it may return fewer than
// the limit, even none, and still have more. It reads every write that was
// answered before. Errors wrap [lockout.ErrUnavailable].
func (t *Trail) Entries(ctx context.Context, q Query) (entries []Entry, next string, err error) {
	pages := dynamodb.NewQueryPaginator(t.db, t.query(q))
	for read := 0; read < maxPages && pages.HasMorePages() && len(entries) <= q.Limit; read++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, "", fmt.Errorf("reading the audit trail: %w: %w", lockout.ErrUnavailable, err)
		}
		if entries, err = appendEntries(entries, page.Items); err != nil {
			return nil, "", fmt.Errorf("reading the audit trail: %w: %w", lockout.ErrUnavailable, err)
		}
		next = text(page.LastEvaluatedKey, "id")
	}
	if len(entries) > q.Limit {
		entries = entries[:q.Limit]
		next = entries[q.Limit-1].ID
	}
	return entries, next, nil
}

func appendEntries(entries []Entry, items []map[string]types.AttributeValue) ([]Entry, error) {
	for _, item := range items {
		entry, err := decode(item)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// query asks for one entry more than the caller does, which tells whether there
// are more; with a filter, for whole pages, since nobody knows how many must be
// looked at.
func (t *Trail) query(q Query) *dynamodb.QueryInput {
	query := &dynamodb.QueryInput{
		TableName: &t.table, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression:    aws.String("client = :client"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":client": value(q.Client)},
	}
	if q.Before != "" {
		query.KeyConditionExpression = aws.String("client = :client AND id < :before")
		query.ExpressionAttributeValues[":before"] = value(q.Before)
	}
	filter(query, "username", q.Username)
	filter(query, "action", string(q.Action))
	if query.FilterExpression == nil {
		query.Limit = aws.Int32(int32(q.Limit) + 1)
	}
	return query
}

// filter lets through only what has the value, unless that is empty. The
// attributes go by aliases, since "action" is a word of DynamoDB's own.
func filter(query *dynamodb.QueryInput, attribute, want string) {
	if want == "" {
		return
	}
	condition := "#" + attribute + " = :" + attribute
	if query.FilterExpression == nil {
		query.FilterExpression = &condition
		query.ExpressionAttributeNames = map[string]string{}
	} else {
		query.FilterExpression = aws.String(*query.FilterExpression + " AND " + condition)
	}
	query.ExpressionAttributeNames["#"+attribute] = attribute
	query.ExpressionAttributeValues[":"+attribute] = value(want)
}

func value(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

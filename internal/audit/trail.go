package audit

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/lockout"
)

// A Trail keeps entries in one DynamoDB table. It is safe for concurrent use.
type Trail struct {
	db    *dynamodb.Client
	table string
}

// New returns the trail in the table. It makes no call.
func New(db *dynamodb.Client, table string) *Trail {
	return &Trail{db: db, table: table}
}

// notThere is the condition of every write. An item that has the entry's whole
// key is the entry.
const notThere = "attribute_not_exists(id)"

// Put returns the write of a lock's or an unlock's entry, for the transaction
// that writes the record. See [Trail.PutEntry].
func (t *Trail) Put(e lockout.Event) (types.Put, error) { return t.PutEntry(FromEvent(e)) }

// PutEntry returns the write of an entry, for the transaction that makes the
// change it tells of. It fails the transaction if the id is there already; the
// transaction then tells the item that is there, so that its maker can see
// whether the entry is their own.
func (t *Trail) PutEntry(e Entry) (types.Put, error) {
	item, err := encode(e)
	if err != nil {
		return types.Put{}, err
	}
	return types.Put{
		TableName: &t.table, Item: item, ConditionExpression: aws.String(notThere),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, nil
}

// Append adds an entry. Sending the same entry again is no error, so that a
// write whose answer was lost can be repeated; another entry under the same id
// is a [lockout.ConflictError] and changes nothing. Other errors wrap
// [lockout.ErrUnavailable].
func (t *Trail) Append(ctx context.Context, entry Entry) error {
	item, err := encode(entry)
	if err != nil {
		return err
	}
	_, err = t.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.table, Item: item, ConditionExpression: aws.String(notThere),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var there *types.ConditionalCheckFailedException
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &there):
		return fmt.Errorf("appending to the audit trail: %w: %w", lockout.ErrUnavailable, err)
	case reflect.DeepEqual(there.Item, item):
		return nil
	default:
		return fmt.Errorf("appending to the audit trail: %w", &lockout.ConflictError{Current: entry.ID})
	}
}

package users

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// A write is one of a transaction's, with the error that its condition gives
// when it does not hold.
type write struct {
	types.TransactWriteItem
	refusal error
}

// transact makes the write of one user or client, those that depend on it, and
// the entry's; all of them or none. When several conditions do not hold, the
// first one gives the error.
func (s *Store) transact(ctx context.Context, entry audit.Entry, first write, more ...write) error {
	put, err := s.trail.PutEntry(entry)
	if err != nil {
		return unavailable(err)
	}
	writes := append([]write{first}, more...)
	var in dynamodb.TransactWriteItemsInput
	for _, w := range writes {
		in.TransactItems = append(in.TransactItems, w.TransactWriteItem)
	}
	in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Put: &put})
	_, err = s.db.TransactWriteItems(ctx, &in, func(o *dynamodb.Options) { o.Retryer = retryer{o.Retryer} })
	if err == nil {
		return nil
	}
	return refusal(err, writes, put.Item)
}

// refusal returns why a transaction was not made; nil if it was made before,
// which the entry tells that is there.
func refusal(err error, writes []write, entry item) error {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || len(cancelled.CancellationReasons) != len(writes)+1 {
		return unavailable(err)
	}
	recorded := cancelled.CancellationReasons[len(writes)]
	if refused(recorded) && reflect.DeepEqual(recorded.Item, entry) {
		return nil
	}
	for i, w := range writes {
		if refused(cancelled.CancellationReasons[i]) {
			return w.refusal
		}
	}
	if refused(recorded) {
		return &lockout.ConflictError{}
	}
	return unavailable(err)
}

// The codes of a cancelled transaction's reasons, from the DynamoDB API
// Reference, TransactWriteItems. The SDK makes none of these transactions again.
const (
	reasonCondition  = "ConditionalCheckFailed"
	reasonConflict   = "TransactionConflict"
	reasonThroughput = "ProvisionedThroughputExceeded"
	reasonThrottling = "ThrottlingError"
)

func refused(reason types.CancellationReason) bool {
	return aws.ToString(reason.Code) == reasonCondition
}

// passing reports whether a transaction was cancelled for a moment's reason
// alone: another one was at the same items, or the table was busy.
func passing(err error) bool {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || slices.ContainsFunc(cancelled.CancellationReasons, refused) {
		return false
	}
	return slices.ContainsFunc(cancelled.CancellationReasons, func(reason types.CancellationReason) bool {
		return slices.Contains([]string{reasonConflict, reasonThroughput, reasonThrottling}, aws.ToString(reason.Code))
	})
}

// A retryer is the SDK's for a transaction, which is made again also when its
// reasons are passing. It waits as after any other failure: in a function up to
// 100, 200 and 400 ms (package environ), and what stood in the way takes some 10.
type retryer struct{ aws.Retryer }

// IsErrorRetryable reports whether the request may be made again.
func (r retryer) IsErrorRetryable(err error) bool {
	return passing(err) || r.Retryer.IsErrorRetryable(err)
}

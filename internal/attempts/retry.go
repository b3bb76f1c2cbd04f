package attempts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/lockout"
)

// How a call is made again that another transaction stood in the way of, or
// that was throttled inside a transaction. The SDK makes the others again:
// throttled, timed-out and reset calls, and those that DynamoDB failed. The
// waits are 20, 40, … 140 ms, each stretched or shrunk by up to half: about half a
// second in all. A conflict lasts as long as the other's write, some 10 ms.
const (
	conflictTries = 8
	firstWait     = 20 * time.Millisecond
)

// retried makes the call until it gets through, fails for good, or the context
// has no time left for another wait.
func retried[T any](ctx context.Context, s *Store, call func() (T, error)) (T, error) {
	for try := 1; ; try++ {
		out, err := call()
		if err == nil || try == conflictTries || !conflicting(err) {
			return out, err
		}
		if s.clock.Sleep(ctx, s.stretched(time.Duration(try)*firstWait)) != nil {
			return out, err
		}
	}
}

// stretched makes waits differ, so that those who met do not meet again.
func (s *Store) stretched(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.5 + s.jitter()))
}

// The codes of a cancelled transaction's reasons, from the DynamoDB API
// Reference, TransactWriteItems.
const (
	reasonCondition  = "ConditionalCheckFailed"
	reasonConflict   = "TransactionConflict"
	reasonThroughput = "ProvisionedThroughputExceeded"
	reasonThrottling = "ThrottlingError"
)

// conflicting reports whether the call failed for a moment's reason that the
// SDK does not retry. A transaction that its condition refused has its answer.
func conflicting(err error) bool {
	var conflict *types.TransactionConflictException
	if errors.As(err, &conflict) {
		return true
	}
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return false
	}
	passing := []string{reasonConflict, reasonThroughput, reasonThrottling}
	found := false
	for _, reason := range cancelled.CancellationReasons {
		code := aws.ToString(reason.Code)
		if code == reasonCondition {
			return false
		}
		found = found || slices.Contains(passing, code)
	}
	return found
}

// refusedUpdate returns the item that refused an update, and whether one did.
func refusedUpdate(err error) (item, bool) {
	var refused *types.ConditionalCheckFailedException
	if !errors.As(err, &refused) {
		return nil, false
	}
	return refused.Item, true
}

// refusedTransaction returns the record's item that refused a transaction, and
// whether one did. The record is the first of the two writes; that the entry
// alone was refused is a failure, since it means an id that was used before.
func refusedTransaction(err error) (item, bool) {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || len(cancelled.CancellationReasons) == 0 {
		return nil, false
	}
	record := cancelled.CancellationReasons[0]
	return record.Item, aws.ToString(record.Code) == reasonCondition
}

// unavailable wraps a failure of DynamoDB, or of what it returned.
func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, lockout.ErrUnavailable, err)
}

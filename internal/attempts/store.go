package attempts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/lockout"
)

// A Trail makes the write of an event's audit entry. It MUST be one that fails
// the transaction when the entry is there already.
type Trail interface {
	Put(lockout.Event) (types.Put, error)
}

// A Store is [lockout.Attempts] in one DynamoDB table. It is safe for
// concurrent use.
type Store struct {
	db     *dynamodb.Client
	table  string
	trail  Trail
	clock  lockout.Clock
	jitter func() float64
}

// New returns the store in the table. It makes no call. The clock waits between
// tries, for times that jitter, a random number in [0, 1), stretches. The trail
// may be nil where nothing is applied.
func New(db *dynamodb.Client, table string, trail Trail, clock lockout.Clock, jitter func() float64) *Store {
	return &Store{db: db, table: table, trail: trail, clock: clock, jitter: jitter}
}

// formTries bounds how often a refused write is made again because the item it
// was refused on allows it. One change of form is ordinary; more need a record
// that changes between two writes each time.
const formTries = 6

// Apply runs one transition. The record that an applied lock or unlock returns
// is the one it was decided on, which may be older in what is in flight and in the
// reclaims.
func (s *Store) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	seen := lastSeen(t)
	for form := range formTries {
		a, err := s.write(ctx, key, t, seen, form)
		if err != nil {
			return lockout.Result{}, unavailable("writing attempt record", err)
		}
		if a.applied {
			return a.result, nil
		}
		result := t.Apply(a.found)
		if result.Outcome != lockout.Applied {
			return result, nil
		}
		seen = a.found
	}
	return lockout.Result{}, fmt.Errorf("the attempt record kept changing: %w", lockout.ErrUnavailable)
}

// lastSeen returns the record as the transition's maker knew it.
func lastSeen(t lockout.Transition) lockout.Record {
	switch t := t.(type) {
	case lockout.Fail:
		return t.Seen
	case lockout.Unlock:
		return t.Seen
	}
	return lockout.Record{}
}

// An answer is what DynamoDB said to a conditional write.
type answer struct {
	applied bool
	result  lockout.Result // if it is applied
	found   lockout.Record // if it is not: the record that refused it
}

// write makes the write of a transition in the form that suits the record seen:
// in a transaction, if Apply gives an event for it.
func (s *Store) write(ctx context.Context, key lockout.Key, t lockout.Transition, seen lockout.Record, form int) (answer, error) {
	planned := t.Apply(seen)
	if planned.Event == nil {
		e, err := plainExpression(t)
		if err != nil {
			return answer{}, err
		}
		return s.update(ctx, key, e)
	}
	e, err := eventExpression(key, t, seen)
	if err != nil {
		return answer{}, err
	}
	// DynamoDB remembers a token with what was asked under it, so each form
	// has one of its own.
	token := fmt.Sprintf("%s-%d", planned.Event.ID, form)
	return s.transact(ctx, key, e, planned, token)
}

func (s *Store) update(ctx context.Context, key lockout.Key, e expression) (answer, error) {
	in := &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: itemKey(key),
		ConditionExpression: &e.condition, UpdateExpression: &e.effect, ExpressionAttributeValues: e.values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	out, err := retried(ctx, s, func() (*dynamodb.UpdateItemOutput, error) { return s.db.UpdateItem(ctx, in) })
	if found, refused := refusedUpdate(err); refused {
		return refusedBy(found)
	}
	if err != nil {
		return answer{}, err
	}
	record, err := decode(out.Attributes)
	return answer{applied: true, result: lockout.Result{Outcome: lockout.Applied, Record: record}}, err
}

// transact writes the record and the planned event's entry, both or neither.
func (s *Store) transact(ctx context.Context, key lockout.Key, e expression, planned lockout.Result, token string) (answer, error) {
	entry, err := s.trail.Put(*planned.Event)
	if err != nil {
		return answer{}, err
	}
	in := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: &token,
		TransactItems: []types.TransactWriteItem{
			{Update: &types.Update{
				TableName: &s.table, Key: itemKey(key),
				ConditionExpression: &e.condition, UpdateExpression: &e.effect, ExpressionAttributeValues: e.values,
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}},
			{Put: &entry},
		},
	}
	_, err = retried(ctx, s, func() (*dynamodb.TransactWriteItemsOutput, error) { return s.db.TransactWriteItems(ctx, in) })
	if found, refused := refusedTransaction(err); refused {
		return refusedBy(found)
	}
	return answer{applied: true, result: planned}, err
}

func refusedBy(it item) (answer, error) {
	found, err := decode(it)
	return answer{found: found}, err
}

// Read returns the record, reading every write that was answered before.
func (s *Store) Read(ctx context.Context, key lockout.Key) (lockout.Record, error) {
	return s.get(ctx, key, true)
}

// get reads a record, and reads every write that was answered before if it is to be
// consistent; if not, it costs half, and may miss the last second's.
func (s *Store) get(ctx context.Context, key lockout.Key, consistent bool) (lockout.Record, error) {
	out, err := retried(ctx, s, func() (*dynamodb.GetItemOutput, error) {
		return s.db.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: &s.table, Key: itemKey(key), ConsistentRead: aws.Bool(consistent),
		})
	})
	if err != nil {
		return lockout.Record{}, unavailable("reading attempt record", err)
	}
	record, err := decode(out.Item)
	if err != nil {
		return lockout.Record{}, unavailable("reading attempt record", err)
	}
	return record, nil
}

// batchSize is the most keys that one BatchGetItem takes, from the DynamoDB API
// Reference.
const batchSize = 100

// batchTries bounds how often one batch is asked for until all of it is there,
// as the batches of package users are.
const batchTries = 6

// errBusy says that DynamoDB left keys out of its answers.
var errBusy = errors.New("the table is busy")

// ReadMany returns the records of several users, as [Store.Read] does; a user
// who is not stored has the zero Record.
func (s *Store) ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]lockout.Record, error) {
	records := make(map[lockout.Key]lockout.Record, len(keys))
	byName := make(map[string]lockout.Key, len(keys))
	wanted := make([]item, 0, len(keys))
	for _, key := range keys {
		if _, twice := records[key]; twice {
			continue
		}
		records[key], byName[key.String()] = lockout.Record{}, key
		wanted = append(wanted, itemKey(key))
	}
	for len(wanted) > 0 {
		n := min(batchSize, len(wanted))
		found, err := s.batch(ctx, wanted[:n])
		if err != nil {
			return nil, unavailable("reading attempt records", err)
		}
		wanted = wanted[n:]
		for _, it := range found {
			name, record, err := decodeNamed(it)
			if err != nil {
				return nil, unavailable("reading attempt records", err)
			}
			records[byName[name]] = record
		}
	}
	return records, nil
}

// batch reads up to batchSize items, asking again for those that DynamoDB left
// out because it was busy or the answer full.
func (s *Store) batch(ctx context.Context, keys []item) ([]item, error) {
	var found []item
	for try := 1; ; try++ {
		out, err := retried(ctx, s, func() (*dynamodb.BatchGetItemOutput, error) {
			return s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems: map[string]types.KeysAndAttributes{s.table: {Keys: keys, ConsistentRead: aws.Bool(true)}},
			})
		})
		if err != nil {
			return nil, err
		}
		found = append(found, out.Responses[s.table]...)
		keys = out.UnprocessedKeys[s.table].Keys
		if len(keys) == 0 {
			return found, nil
		}
		if try == batchTries {
			return nil, errBusy
		}
		if err := s.clock.Sleep(ctx, s.stretched(time.Duration(try)*firstWait)); err != nil {
			return nil, err
		}
	}
}

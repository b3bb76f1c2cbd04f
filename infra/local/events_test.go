package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// TestTheCompiledFunctionPublishesTheTrail goes the whole way: entries in the
// table, the records of its stream, the compiled function, a bus with a rule, and
// the queue of whoever wants to know.
func TestTheCompiledFunctionPublishesTheTrail(t *testing.T) {
	config := lockouttest.AWS(t)
	tables := lockouttest.Tables(t)
	bus := newListener(t, config)
	t.Setenv("PORTCULLIS_EVENT_BUS", bus.name)
	f := newPublisher(t)
	want := writeTrail(t, dynamodb.NewFromConfig(config), tables.Audit)
	records := streamOf(t, config, tables.Audit)

	for range 2 { // the second time as after a failure: the same events, by their ids
		if failed := publish(t, f, records); failed != nil {
			t.Errorf("the function reports %q", failed)
		}
		if diff := cmp.Diff(bus.heard(t, len(want)), want); diff != "" {
			t.Errorf("heard (-got +want):\n%s", diff)
		}
	}
}

// TestTheCompiledFunctionReportsWhatTheBusRefuses has EventBridge take the first
// event and refuse the second.
func TestTheCompiledFunctionReportsWhatTheBusRefuses(t *testing.T) {
	config := lockouttest.AWS(t)
	tables := lockouttest.Tables(t)
	writeTrail(t, dynamodb.NewFromConfig(config), tables.Audit)
	records := streamOf(t, config, tables.Audit)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"FailedEntryCount": 1, "Entries": [
			{"EventId": "1"}, {"ErrorCode": "InternalFailure", "ErrorMessage": "busy"}, {"EventId": "3"}]}`)
	}))
	defer refusing.Close()
	t.Setenv("AWS_ENDPOINT_URL", refusing.URL)
	t.Setenv("PORTCULLIS_EVENT_BUS", "security")
	const unlock = 1 // the record that becomes the second event
	want := []string{records[unlock].Change.SequenceNumber}
	if diff := cmp.Diff(publish(t, newPublisher(t), records), want); diff != "" {
		t.Errorf("reported (-got +want):\n%s", diff)
	}
}

// newPublisher returns the compiled function, which make functions makes.
func newPublisher(t *testing.T) *pool {
	t.Helper()
	bootstrap, err := filepath.Abs("../../.build/functions/publish-events/bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	f := newPool("publish-events", bootstrap, 1, longTime, io.Discard)
	t.Cleanup(f.stop)
	return f
}

// writeTrail appends entries of all kinds, the lock within a transaction as the
// login does, and returns those that are to be told, as a listener hears them.
func writeTrail(t *testing.T, db *dynamodb.Client, table string) []heard {
	t.Helper()
	trail := audit.New(db, table)
	next, at := lockouttest.IDs(), time.Date(2026, 11, 23, 10, 4, 5, 123e6, time.UTC)
	ids := []string{next(), next(), next(), next(), next()}
	key, err := users.UserKey("acme", "ana.silva")
	if err != nil {
		t.Fatal(err)
	}
	put, err := trail.Put(lockout.Event{ID: ids[0], Kind: lockout.EventLock, At: at, Key: key, Actor: lockout.ActorPortcullis, LockID: ids[0]})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Put: &put}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []audit.Entry{
		{ID: ids[1], Action: audit.Unlock, Username: "ana.silva", Reason: "called", Details: audit.Details{LockID: ids[0]}},
		{ID: ids[2], Action: audit.UserCreated, Username: "rui"},
		{ID: ids[3], Action: audit.Lock, Username: "nobody", ExpiresAt: at.Add(lockout.UnknownUserRetention)},
		{ID: ids[4], Action: audit.PolicyChanged, Details: audit.Details{Maximum: 7, PreviousMaximum: 5}},
	} {
		e.Client, e.At, e.Actor = "acme", at, "acme/root"
		if err := trail.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return []heard{
		{"portcullis", "authn_login_lock", ids[0], "ana.silva"},
		{"portcullis", "authn_login_unlock", ids[1], "ana.silva"},
		{"portcullis", "policy_changed", ids[4], ""},
	}
}

// A record is one of a stream: the whole of it, and what the tests look at.
type record struct {
	raw    json.RawMessage
	Change struct{ SequenceNumber string } `json:"dynamodb"`
}

// streamOf reads a table's stream from its beginning. The records that DynamoDB
// Streams has are those that Lambda hands out.
func streamOf(t *testing.T, config aws.Config, table string) []record {
	t.Helper()
	described, err := dynamodb.NewFromConfig(config).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	arn := aws.ToString(described.Table.LatestStreamArn)
	const service = "DynamoDBStreams_20120810."
	var stream struct {
		StreamDescription struct{ Shards []struct{ ShardId string } }
	}
	ask(t, config, "dynamodb", service+"DescribeStream", map[string]any{"StreamArn": arn}, &stream)
	var from struct{ ShardIterator string }
	ask(t, config, "dynamodb", service+"GetShardIterator", map[string]any{
		"StreamArn": arn, "ShardId": stream.StreamDescription.Shards[0].ShardId, "ShardIteratorType": "TRIM_HORIZON",
	}, &from)
	var page struct{ Records []json.RawMessage }
	ask(t, config, "dynamodb", service+"GetRecords", from, &page)
	var all []record
	for _, raw := range page.Records {
		r := record{raw: raw}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// publish invokes the function with the records and returns those it reports.
func publish(t *testing.T, f *pool, records []record) (failed []string) {
	t.Helper()
	var batch struct{ Records []json.RawMessage }
	for _, r := range records {
		batch.Records = append(batch.Records, r.raw)
	}
	payload, err := json.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	text, err := f.invoke(context.Background(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Failures []struct{ ItemIdentifier string } `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	for _, one := range answer.Failures {
		failed = append(failed, one.ItemIdentifier)
	}
	return failed
}

// A listener is a queue that a rule of a bus sends our events to.
type listener struct {
	name   string // of the bus
	config aws.Config
	queue  string
}

func newListener(t *testing.T, config aws.Config) listener {
	t.Helper()
	l := listener{name: "bus-" + lockouttest.IDs()(), config: config}
	var made struct{ QueueUrl string }
	ask(t, config, "sqs", "AmazonSQS.CreateQueue", map[string]any{"QueueName": l.name}, &made)
	l.queue = made.QueueUrl
	var queue struct{ Attributes map[string]string }
	ask(t, config, "sqs", "AmazonSQS.GetQueueAttributes",
		map[string]any{"QueueUrl": l.queue, "AttributeNames": []string{"QueueArn"}}, &queue)
	client := eventbridge.NewFromConfig(config)
	if _, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: &l.name}); err != nil {
		t.Fatal(err)
	}
	_, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{
		Name: &l.name, EventBusName: &l.name, EventPattern: aws.String(`{"source": ["portcullis"]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
		Rule: &l.name, EventBusName: &l.name,
		Targets: []eventtypes.Target{{Id: aws.String("queue"), Arn: aws.String(queue.Attributes["QueueArn"])}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// heard is what the tests look at of an event that came.
type heard struct{ Source, DetailType, ID, Username string }

// heard takes n events off the queue and returns them by their ids.
func (l listener) heard(t *testing.T, n int) []heard {
	t.Helper()
	var all []heard
	for len(all) < n {
		var got struct {
			Messages []struct{ Body, ReceiptHandle string }
		}
		ask(t, l.config, "sqs", "AmazonSQS.ReceiveMessage",
			map[string]any{"QueueUrl": l.queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5}, &got)
		if len(got.Messages) == 0 {
			break
		}
		for _, m := range got.Messages {
			var e struct {
				Source     string
				DetailType string `json:"detail-type"`
				Detail     struct{ ID, Username string }
			}
			if err := json.Unmarshal([]byte(m.Body), &e); err != nil {
				t.Fatal(err)
			}
			all = append(all, heard{e.Source, e.DetailType, e.Detail.ID, e.Detail.Username})
			ask(t, l.config, "sqs", "AmazonSQS.DeleteMessage",
				map[string]any{"QueueUrl": l.queue, "ReceiptHandle": m.ReceiptHandle}, nil)
		}
	}
	slices.SortFunc(all, func(a, b heard) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// ask makes one call of an AWS service that speaks JSON. It saves two modules
// that nothing but these tests would use.
func ask(t *testing.T, config aws.Config, service, target string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, *config.BaseEndpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", target)
	keys, err := config.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, hex.EncodeToString(hash[:]), service, config.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	answer, err := config.HTTPClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v\n%s", target, answer.StatusCode, err, text)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatalf("%s: %v\n%s", target, err, text)
	}
}

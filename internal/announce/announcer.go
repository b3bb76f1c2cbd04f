package announce

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// answerTime is kept for the answer and the log line.
const answerTime = 500 * time.Millisecond

// An Announcer puts events on one bus. It is safe for concurrent use.
type Announcer struct {
	client *eventbridge.Client
	bus    string
	log    *slog.Logger
}

// New returns the announcer of the bus of that name. It makes no call.
func New(client *eventbridge.Client, bus string, log *slog.Logger) *Announcer {
	return &Announcer{client: client, bus: bus, log: log}
}

// Handle puts the events of a batch of records on the bus, in the order of the
// records. The answer names the records whose events are not there; Lambda hands
// out again all that come from the first of them on, so no later request is made.
// The error is always nil. It is over shortly before the deadline of ctx, at which
// Lambda would stop it, so that a bus that hangs is reported and logged.
//
// A record that is no entry of the trail is logged and left out: nothing would
// make it one, and the entries behind it must not wait for it.
func (a *Announcer) Handle(ctx context.Context, batch events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	for request := range requests(a.read(ctx, batch.Records)) {
		if failed := a.put(ctx, request); len(failed) > 0 {
			return events.DynamoDBEventResponse{BatchItemFailures: failed}, nil
		}
	}
	return events.DynamoDBEventResponse{}, nil
}

// read returns the events of the records.
func (a *Announcer) read(ctx context.Context, records []events.DynamoDBEventRecord) []event {
	var all []event
	for _, record := range records {
		e, ok, err := eventOf(record)
		switch {
		case err != nil:
			a.log.ErrorContext(ctx, "event_unpublishable", "sequence_number", record.Change.SequenceNumber, "error", err.Error())
		case ok:
			all = append(all, e)
		}
	}
	return all
}

// maxEvents is how many events one request may hold (PutEvents in the
// EventBridge API Reference).
const maxEvents = 10

// requests parts events into what one request may hold.
func requests(all []event) iter.Seq[[]event] {
	return func(yield func([]event) bool) {
		begin, bytes := 0, 0
		for i, e := range all {
			if i-begin == maxEvents || bytes+e.size() > maxBytes {
				if !yield(all[begin:i]) {
					return
				}
				begin, bytes = i, 0
			}
			bytes += e.size()
		}
		if begin < len(all) {
			yield(all[begin:])
		}
	}
}

// put sends one request and returns the records of the events that are not on
// the bus.
func (a *Announcer) put(ctx context.Context, request []event) []events.DynamoDBBatchItemFailure {
	in := &eventbridge.PutEventsInput{}
	for _, e := range request {
		e.entry.EventBusName = aws.String(a.bus)
		in.Entries = append(in.Entries, e.entry)
	}
	out, err := a.client.PutEvents(ctx, in)
	if err != nil {
		a.log.ErrorContext(ctx, "events_unpublished", "id", request[0].id, "events", len(request), "error", err.Error())
		return []events.DynamoDBBatchItemFailure{{ItemIdentifier: request[0].sequence}}
	}
	var failed []events.DynamoDBBatchItemFailure
	for i, e := range request {
		if problem := refusal(out.Entries, i); problem != "" {
			a.log.ErrorContext(ctx, "events_unpublished", "id", e.id, "events", 1, "error", problem)
			failed = append(failed, events.DynamoDBBatchItemFailure{ItemIdentifier: e.sequence})
			continue
		}
		a.log.InfoContext(ctx, "event_published", "id", e.id, "action", aws.ToString(e.entry.DetailType))
	}
	return failed
}

// refusal says why EventBridge did not take the i-th event; empty if it did.
func refusal(results []types.PutEventsResultEntry, i int) string {
	switch {
	case i >= len(results):
		return "EventBridge does not say what became of it"
	case results[i].ErrorCode != nil:
		return fmt.Sprintf("%s: %s", *results[i].ErrorCode, aws.ToString(results[i].ErrorMessage))
	}
	return ""
}

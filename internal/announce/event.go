package announce

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"portcullis/internal/audit"
)

// source is where all events say they come from.
const source = "portcullis"

// told are the actions that become events.
func told() []audit.Action {
	return []audit.Action{audit.Lock, audit.Unlock, audit.PolicyChanged}
}

// An event is one on its way to the bus, with what it is reported by.
type event struct {
	id       string // of the audit entry
	sequence string // of the stream's record
	entry    types.PutEventsRequestEntry
}

// timeBytes is what EventBridge counts for an event's time, and maxBytes what
// one request may hold by that count (the EventBridge User Guide, "Calculating
// PutEvents event entry size").
const (
	timeBytes = 14
	maxBytes  = 256 << 10
)

// size is what EventBridge counts.
func (e event) size() int {
	return timeBytes + len(*e.entry.Source) + len(*e.entry.DetailType) + len(*e.entry.Detail)
}

// errTooLarge says that EventBridge would never take an event.
var errTooLarge = errors.New("the event is larger than EventBridge takes")

// eventOf makes the event of a record, and reports whether there is one. An item
// that was changed or removed is none: entries are written once, and end by
// expiring.
func eventOf(record events.DynamoDBEventRecord) (e event, ok bool, err error) {
	if record.EventName != string(events.DynamoDBOperationTypeInsert) {
		return event{}, false, nil
	}
	entry, err := audit.FromStream(record.Change.NewImage)
	if err != nil {
		return event{}, false, fmt.Errorf("reading a record of the trail: %w", err)
	}
	if !isTold(entry) {
		return event{}, false, nil
	}
	text, err := json.Marshal(detailOf(entry))
	if err != nil {
		return event{}, false, fmt.Errorf("encoding audit entry %s: %w", entry.ID, err)
	}
	e = event{id: entry.ID, sequence: record.Change.SequenceNumber, entry: types.PutEventsRequestEntry{
		Source: aws.String(source), DetailType: aws.String(string(entry.Action)),
		Time: aws.Time(entry.At), Detail: aws.String(string(text)),
	}}
	if e.size() > maxBytes {
		return event{}, false, fmt.Errorf("audit entry %s: %w", entry.ID, errTooLarge)
	}
	return e, true, nil
}

// isTold reports whether an entry becomes an event. A lock that expires is of a
// name that nobody has. An unlock without a lock's id ended no lock: it cleared a
// count, such as one that a name had before it became a user's.
func isTold(entry audit.Entry) bool {
	return slices.Contains(told(), entry.Action) && entry.ExpiresAt.IsZero() &&
		(entry.Action != audit.Unlock || entry.Details.LockID != "")
}

// A detail is an entry as the API shows it, and its client.
type detail struct {
	ID        string       `json:"id"`
	Client    string       `json:"client"`
	At        stamp        `json:"at"`
	Action    audit.Action `json:"action"`
	Actor     string       `json:"actor"`
	Username  string       `json:"username,omitempty"`
	SourceIP  string       `json:"source_ip,omitempty"`
	RequestID string       `json:"request_id,omitempty"`
	Reason    string       `json:"reason,omitempty"`
	Details   details      `json:"details"`
}

// details writes the times of the evidence as the API does.
type details struct {
	audit.Details
	Evidence []evidence `json:"evidence,omitempty"`
}

type evidence struct {
	At        stamp  `json:"at"`
	SourceIP  string `json:"source_ip"`
	UserAgent string `json:"user_agent"`
}

// A stamp is a time as the API shows it: RFC 3339 in UTC with milliseconds.
type stamp time.Time

// MarshalText writes the time.
func (s stamp) MarshalText() ([]byte, error) {
	return time.Time(s).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}

func detailOf(e audit.Entry) detail {
	particulars := details{Details: e.Details}
	for _, one := range e.Details.Evidence {
		particulars.Evidence = append(particulars.Evidence, evidence{stamp(one.At), one.SourceIP, one.UserAgent})
	}
	return detail{
		ID: e.ID, Client: e.Client, At: stamp(e.At), Action: e.Action, Actor: e.Actor, Username: e.Username,
		SourceIP: e.SourceIP, RequestID: e.RequestID, Reason: e.Reason, Details: particulars,
	}
}

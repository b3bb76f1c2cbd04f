package announce_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/contract"
	"portcullis/internal/announce"
	"portcullis/internal/audit"
)

// A put is one event as EventBridge is sent it.
type put struct {
	Source, DetailType, Detail, EventBusName string
	Time                                     float64
}

// id returns the id of the audit entry.
func (p put) id() string {
	var read struct{ ID string }
	if err := json.Unmarshal([]byte(p.Detail), &read); err != nil {
		return err.Error()
	}
	return read.ID
}

// A fakeBus takes events as EventBridge does, ten a request and 256 KB, but for
// those it was told to refuse.
type fakeBus struct {
	refuse   func(id string) bool
	down     bool
	requests [][]put
}

func (b *fakeBus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	var in struct{ Entries []put }
	if err != nil || json.Unmarshal(text, &in) != nil || len(in.Entries) > 10 || len(text) > 512<<10 || b.down {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b.requests = append(b.requests, in.Entries)
	var out struct {
		FailedEntryCount int
		Entries          []map[string]string
	}
	for i, e := range in.Entries {
		if b.refuse != nil && b.refuse(e.id()) {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, map[string]string{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
			continue
		}
		out.Entries = append(out.Entries, map[string]string{"EventId": fmt.Sprint(i)})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(out)
}

// taken returns the ids of what was sent, request by request.
func (b *fakeBus) taken() [][]string {
	var all [][]string
	for _, request := range b.requests {
		var ids []string
		for _, e := range request {
			ids = append(ids, e.id())
		}
		all = append(all, ids)
	}
	return all
}

// handle has an announcer put the records' events on the bus, and returns the
// records it reports and what it logs.
func handle(t *testing.T, bus *fakeBus, records []events.DynamoDBEventRecord) (failed []string, log string) {
	t.Helper()
	server := httptest.NewServer(bus)
	defer server.Close()
	client := eventbridge.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
	var lines bytes.Buffer
	a := announce.New(client, "security", slog.New(slog.NewJSONHandler(&lines, nil)))
	answer, err := a.Handle(t.Context(), events.DynamoDBEvent{Records: records})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range answer.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed, lines.String()
}

// recorded are the records of testdata/stream.json, in the shape in which Lambda
// hands them out.
func recorded(t *testing.T) []events.DynamoDBEventRecord {
	t.Helper()
	text, err := os.ReadFile("testdata/stream.json")
	if err != nil {
		t.Fatal(err)
	}
	var batch events.DynamoDBEvent
	if err := json.Unmarshal(text, &batch); err != nil {
		t.Fatal(err)
	}
	return batch.Records
}

// locks returns the records of n locks, whose ids and sequence numbers are "00",
// "01" and so on.
func locks(n int, details string) []events.DynamoDBEventRecord {
	var all []events.DynamoDBEventRecord
	for i := range n {
		id := fmt.Sprintf("%02d", i)
		image := map[string]events.DynamoDBAttributeValue{}
		for name, value := range map[string]string{
			"client": "acme", "id": id, "at": "2026-11-23T10:03:05.512Z", "action": "authn_login_lock",
			"actor": "portcullis", "username": "ana.silva", "details": details,
		} {
			image[name] = events.NewStringAttribute(value)
		}
		all = append(all, events.DynamoDBEventRecord{
			EventName: "INSERT", Change: events.DynamoDBStreamRecord{NewImage: image, SequenceNumber: id},
		})
	}
	return all
}

func TestTheTrailsStreamBecomesEvents(t *testing.T) {
	bus := &fakeBus{}
	failed, log := handle(t, bus, recorded(t))
	want := [][]string{{"01KASX8R8WJ6E4ZQ5C3T7V9N2M", "01KASXAM9E4ZQ5C3T7V9N2M8R8", "01KASXBP1T0A3B5C7D9E1F2G4H"}}
	if diff := cmp.Diff(bus.taken(), want); failed != nil || diff != "" {
		t.Errorf("failed %q, events (-got +want):\n%s", failed, diff)
	}
	if strings.Contains(log, "ERROR") {
		t.Errorf("the log complains:\n%s", log)
	}
}

func TestAnEventIsTheEntryAsTheAPIShowsIt(t *testing.T) {
	bus := &fakeBus{}
	handle(t, bus, recorded(t))
	unlock := bus.requests[0][1]
	got := put{Source: unlock.Source, DetailType: unlock.DetailType, EventBusName: unlock.EventBusName}
	got.Time = float64(int64(unlock.Time)) // EventBridge keeps seconds
	at := time.Date(2026, 11, 23, 10, 4, 5, 0, time.UTC)
	want := put{Source: "portcullis", DetailType: "authn_login_unlock", EventBusName: "security", Time: float64(at.Unix())}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("event (-got +want):\n%s", diff)
	}
	contracted, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	schema := contracted.Document().Components.Schemas["AuditEntry"].Value
	for _, e := range bus.requests[0] {
		var entry map[string]any
		if err := json.Unmarshal([]byte(e.Detail), &entry); err != nil {
			t.Fatal(err)
		}
		if entry["client"] != "acme" {
			t.Errorf("got client %v, want acme", entry["client"])
		}
		delete(entry, "client")
		if err := schema.VisitJSON(entry); err != nil {
			t.Errorf("%s is no AuditEntry of openapi.yaml: %v", e.Detail, err)
		}
	}
}

func TestWhatIsNotOnTheBusIsReported(t *testing.T) {
	ids := func(from, to int) (all []string) {
		for i := from; i < to; i++ {
			all = append(all, fmt.Sprintf("%02d", i))
		}
		return all
	}
	refuse := func(ids ...string) func(string) bool {
		return func(id string) bool { return slices.Contains(ids, id) }
	}
	for _, test := range []struct {
		name   string
		bus    fakeBus
		failed []string
		sent   [][]string
	}{
		{"nothing", fakeBus{}, nil, [][]string{ids(0, 10), ids(10, 20), ids(20, 25)}},
		{"one event, and nothing behind its request is sent", fakeBus{refuse: refuse("13")},
			[]string{"13"}, [][]string{ids(0, 10), ids(10, 20)}},
		{"two events of a request", fakeBus{refuse: refuse("03", "07")}, []string{"03", "07"}, [][]string{ids(0, 10)}},
		{"the last event", fakeBus{refuse: refuse("24")}, []string{"24"}, [][]string{ids(0, 10), ids(10, 20), ids(20, 25)}},
		{"everything, when EventBridge is down", fakeBus{down: true}, []string{"00"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			failed, log := handle(t, &test.bus, locks(25, "{}"))
			if diff := cmp.Diff(failed, test.failed); diff != "" {
				t.Errorf("reported (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(test.bus.taken(), test.sent); diff != "" {
				t.Errorf("sent (-got +want):\n%s", diff)
			}
			if got := strings.Contains(log, "events_unpublished"); got != (test.failed != nil) {
				t.Errorf("the log tells of a failure: %v\n%s", got, log)
			}
		})
	}
}

// A record is handed out again after a failure behind it. The receiver knows the
// event by its id.
func TestARecordHandedOutTwiceIsTheSameEvent(t *testing.T) {
	bus := &fakeBus{}
	for range 2 {
		handle(t, bus, recorded(t)[:1])
	}
	if len(bus.requests) != 2 {
		t.Fatalf("got %d requests, want 2", len(bus.requests))
	}
	if diff := cmp.Diff(bus.requests[0], bus.requests[1]); diff != "" {
		t.Errorf("the second time it is another event:\n%s", diff)
	}
}

// TestLargeEventsGoInRequestsThatEventBridgeTakes: nine attempts whose user agents
// are as long as they may be, each of a character that JSON writes as six.
func TestLargeEventsGoInRequestsThatEventBridgeTakes(t *testing.T) {
	agents := make([]audit.Evidence, 9)
	for i := range agents {
		agents[i].UserAgent = strings.Repeat("<", 256)
	}
	details, err := json.Marshal(audit.Details{Evidence: agents, IdentityConfirmedBy: strings.Repeat("<", 5000)})
	if err != nil {
		t.Fatal(err)
	}
	bus := &fakeBus{}
	if failed, _ := handle(t, bus, locks(10, string(details))); failed != nil {
		t.Errorf("reported %q", failed)
	}
	if len(bus.requests) < 2 {
		t.Fatal("all of it went in one request; nothing was tested")
	}
	for _, request := range bus.requests {
		bytes := 0
		for _, e := range request {
			bytes += 14 + len(e.Source) + len(e.DetailType) + len(e.Detail)
		}
		if bytes > 256<<10 {
			t.Errorf("a request of %d events has %d bytes", len(request), bytes)
		}
	}
}

func TestWhatCannotBeToldHoldsNothingUp(t *testing.T) {
	tooLarge, err := json.Marshal(audit.Details{IdentityConfirmedBy: strings.Repeat("<", 50000)})
	if err != nil {
		t.Fatal(err)
	}
	for name, details := range map[string]string{
		"an item that is no entry":             "{",
		"an entry larger than an event can be": string(tooLarge),
	} {
		t.Run(name, func(t *testing.T) {
			bus := &fakeBus{}
			failed, log := handle(t, bus, append(locks(1, details), recorded(t)[0]))
			if diff := cmp.Diff(bus.taken(), [][]string{{"01KASX8R8WJ6E4ZQ5C3T7V9N2M"}}); failed != nil || diff != "" {
				t.Errorf("failed %q, events (-got +want):\n%s", failed, diff)
			}
			if !strings.Contains(log, `"event_unpublishable","sequence_number":"00"`) {
				t.Errorf("the log does not say which record was left out:\n%s", log)
			}
		})
	}
}

func TestAnEndedRequestIsReported(t *testing.T) {
	server := httptest.NewServer(&fakeBus{})
	defer server.Close()
	client := eventbridge.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	a := announce.New(client, "security", slog.New(slog.DiscardHandler))
	answer, err := a.Handle(ended, events.DynamoDBEvent{Records: locks(3, "{}")})
	if err != nil || len(answer.BatchItemFailures) != 1 || answer.BatchItemFailures[0].ItemIdentifier != "00" {
		t.Errorf("got %v, %v; want the first record reported", answer, err)
	}
}

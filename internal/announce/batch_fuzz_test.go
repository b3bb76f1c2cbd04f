package announce_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"portcullis/internal/announce"
	"portcullis/internal/audit"
	"portcullis/internal/lockouttest"
)

// FuzzBatch hands out anything as records of the stream. What becomes an event is
// an entry that was inserted and may be told, each once and in order; a record that
// cannot be read keeps none of the others back; and a bus that is down is given
// back all that is not on it.
func FuzzBatch(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte, down bool) {
		var batch events.DynamoDBEvent
		if json.Unmarshal(raw, &batch) != nil {
			return // Lambda's runtime refuses it
		}
		bus, log := &fakeBus{down: down}, &bytes.Buffer{}
		client := eventbridge.NewFromConfig(lockouttest.Answered(func(_ string, sent []byte) (int, []byte) {
			answer := httptest.NewRecorder()
			bus.ServeHTTP(answer, httptest.NewRequest("POST", "/", bytes.NewReader(sent)))
			return answer.Code, answer.Body.Bytes()
		}))
		a := announce.New(client, "security", slog.New(slog.NewJSONHandler(log, nil)))
		answer, err := a.Handle(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		want := tellable(batch.Records)
		if got := slices.Concat(bus.taken()...); !down && !slices.Equal(got, want) {
			t.Errorf("on the bus: %q, want %q\n%s", got, want, log)
		}
		if failed := answer.BatchItemFailures; (len(failed) > 0) != (down && len(want) > 0) {
			t.Errorf("given back: %v, with %d to tell and the bus down: %v", failed, len(want), down)
		}
		checkPuts(t, bus)
		for line := range strings.Lines(log.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("a line of the log is no JSON: %s", line)
			}
		}
	})
}

// tellable returns the ids of what must become events, from the trail's own
// reading of each record.
func tellable(records []events.DynamoDBEventRecord) []string {
	var ids []string
	for _, r := range records {
		entry, err := audit.FromStream(r.Change.NewImage)
		if err != nil || r.EventName != "INSERT" || !entry.ExpiresAt.IsZero() {
			continue
		}
		switch entry.Action {
		case audit.Lock, audit.PolicyChanged:
			ids = append(ids, entry.ID)
		case audit.Unlock:
			if entry.Details.LockID != "" {
				ids = append(ids, entry.ID)
			}
		}
	}
	return ids
}

// checkPuts checks what holds for each event on the bus.
func checkPuts(t *testing.T, bus *fakeBus) {
	t.Helper()
	for _, request := range bus.requests {
		if len(request) > 10 {
			t.Errorf("a request of %d events", len(request))
		}
		for _, e := range request {
			var detail struct{ Action string }
			if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil || detail.Action != e.DetailType {
				t.Errorf("detail of a %s (%v): %s", e.DetailType, err, e.Detail)
			}
			if e.Source != "portcullis" || e.EventBusName != "security" {
				t.Errorf("an event of %s on %s", e.Source, e.EventBusName)
			}
		}
	}
}

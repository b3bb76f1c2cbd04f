package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// A shelf is a table with one item, given as JSON. It keeps the item that is put.
type shelf struct{ item, put json.RawMessage }

func (s *shelf) answer(operation string, sent []byte) (int, []byte) {
	if operation == "Query" {
		return http.StatusOK, fmt.Appendf(nil, `{"Items":[%s]}`, s.item)
	}
	var in struct{ Item json.RawMessage }
	if err := json.Unmarshal(sent, &in); err != nil {
		return http.StatusBadRequest, []byte(err.Error())
	}
	s.put = in.Item
	return http.StatusOK, []byte(`{}`)
}

// FuzzItem reads anything as an entry of the trail. What is read is what the item
// says, from the table and from its stream alike, and is written as it was read: a
// trail that was tampered with does not read as one that was not.
func FuzzItem(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		if lockouttest.Ambiguous(raw) {
			return
		}
		s := &shelf{item: raw}
		trail := audit.New(dynamodb.NewFromConfig(lockouttest.Answered(s.answer)), "audit")
		entries, _, err := trail.Entries(t.Context(), audit.Query{Client: "acme", Limit: 5})
		if err != nil && !errors.Is(err, lockout.ErrUnavailable) {
			t.Errorf("got %v, want an outage", err)
		}
		var image map[string]events.DynamoDBAttributeValue
		if json.Unmarshal(raw, &image) == nil && (err != nil || len(entries) == 1) {
			streamed, streamErr := audit.FromStream(image)
			if (streamErr == nil) != (err == nil) || err == nil && !cmp.Equal(streamed, entries[0]) {
				t.Errorf("from the stream %+v, %v; from the table %+v, %v", streamed, streamErr, entries, err)
			}
		}
		if len(entries) == 1 {
			isWrittenAsRead(t, trail, s, entries[0])
		}
	})
}

// isWrittenAsRead appends the entry, and compares the item that it becomes with
// the one that it was.
func isWrittenAsRead(t *testing.T, trail *audit.Trail, s *shelf, entry audit.Entry) {
	t.Helper()
	if err := trail.Append(t.Context(), entry); err != nil {
		t.Fatalf("writing what was read: %v", err)
	}
	var was, became map[string]map[string]any
	if err := json.Unmarshal(s.item, &was); err != nil {
		return // the SDK's decoder forgives more than JSON allows
	}
	if err := json.Unmarshal(s.put, &became); err != nil {
		t.Fatal(err)
	}
	for name := range became {
		// An empty attribute is as if left out; details are compared as what they mean.
		if name != "details" && !cmp.Equal(became[name], was[name]) {
			t.Errorf("%s: was %v, became %v", name, was[name], became[name])
		}
	}
	for name, attribute := range was {
		_, kept := became[name]
		if ours := isOurs(name); ours && !kept && attribute["S"] != "" {
			t.Errorf("%s was %v, and is gone", name, attribute)
		}
	}
	s.item = s.put
	again, _, err := trail.Entries(t.Context(), audit.Query{Client: "acme", Limit: 5})
	if err != nil || len(again) != 1 || !cmp.Equal(again[0], entry) {
		t.Errorf("read again: %+v, %v; want %+v", again, err, entry)
	}
}

// isOurs reports whether an entry has an attribute of that name.
func isOurs(name string) bool {
	switch name {
	case "client", "id", "at", "action", "actor", "username", "source_ip", "request_id", "reason", "details", "expires_at":
		return true
	}
	return false
}

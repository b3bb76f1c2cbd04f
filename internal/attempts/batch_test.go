package attempts_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"portcullis/internal/lockout"
)

// A busyTable leaves all keys out of so many batches, and then none.
type busyTable struct {
	next    aws.HTTPClient
	leaves  int
	batches int
}

// Do answers a batch itself while the table is busy, and has all else carried.
func (b *busyTable) Do(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchGetItem") {
		return b.next.Do(r)
	}
	if b.batches++; b.batches > b.leaves {
		return b.next.Do(r)
	}
	var asked struct{ RequestItems json.RawMessage }
	if err := json.Unmarshal(sent, &asked); err != nil {
		return nil, err
	}
	body := fmt.Sprintf(`{"Responses": {}, "UnprocessedKeys": %s}`, asked.RequestItems)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// TestABatchIsAskedForAFewTimes has a table that is busy for a moment, and one
// that stays so.
func TestABatchIsAskedForAFewTimes(t *testing.T) {
	for _, test := range []struct {
		name    string
		leaves  int
		batches int
		failed  bool
	}{
		{"a table that is not busy", 0, 1, false},
		{"a table that is busy for a moment", 3, 4, false},
		{"a table that stays busy", 100, 6, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newFaultyWorld(t, 5, aws.NopRetryer{})
			if _, err := w.attempt(t, "wrong"); err != nil {
				t.Fatal(err)
			}
			busy := &busyTable{next: w.wire.next, leaves: test.leaves}
			w.wire.next = busy
			slept := w.clock.Slept()
			records, err := w.store.ReadMany(t.Context(), []lockout.Key{w.key})
			if errors.Is(err, lockout.ErrUnavailable) != test.failed || !test.failed && records[w.key].Failed != 1 {
				t.Errorf("got %v, %v", records, err)
			}
			if waited := w.clock.Slept() > slept; busy.batches != test.batches || waited != (test.batches > 1) {
				t.Errorf("asked %d times, want %d; waited: %v", busy.batches, test.batches, waited)
			}
		})
	}
}

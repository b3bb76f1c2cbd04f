package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/lockouttest"
)

// TestTheCompiledLoginTellsItsMetrics has the function that make functions makes
// lock a name, and adds up what it wrote to standard output.
func TestTheCompiledLoginTellsItsMetrics(t *testing.T) {
	lockouttest.AWS(t) // says what is missing where the stores are
	bootstrap, err := filepath.Abs("../../.build/functions/login/bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	f := newPool("login", bootstrap, 1, longTime, &out)
	name := "n" + strings.ToLower(rand.Text())
	event, err := json.Marshal(events.APIGatewayProxyRequest{
		HTTPMethod: "POST", Resource: "/login", Headers: map[string]string{"Content-Type": "application/json"},
		Body: `{"client": "nobodys", "username": "` + name + `", "password": "wrong"}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 { // the maximum of a client that there is not
		if _, err := f.invoke(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	f.stop() // and with it the copying of what it wrote
	got := addedUp(t, out.Bytes())
	want := map[string]float64{"LoginsWrong": 4, "LoginsLocked": 1, "Locks": 1, "HashLatency": 5, "StoreLatency": 15}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("metrics: got -, want +:\n%s", diff)
	}
}

// addedUp returns the sums of the counts, and how many values the latencies have.
func addedUp(t *testing.T, output []byte) map[string]float64 {
	t.Helper()
	sums := map[string]float64{}
	for line := range bytes.Lines(output) {
		var told map[string]any
		if err := json.Unmarshal(line, &told); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if told["_aws"] == nil {
			continue
		}
		for name, value := range told {
			switch value := value.(type) {
			case float64:
				sums[name] += value
			case []any:
				sums[name] += float64(len(value))
			}
		}
	}
	return sums
}

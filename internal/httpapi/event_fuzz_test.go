package httpapi_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
)

// FuzzEvent hands the handlers anything as an event of API Gateway. Whatever it is,
// the answer is one of the contract's, in headers that are headers, with one line
// in the log; and an attempt is charged for nothing but a login that was judged.
func FuzzEvent(f *testing.F) {
	for _, text := range everyRecording(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var event events.APIGatewayProxyRequest
		if json.Unmarshal(raw, &event) != nil {
			return // Lambda's runtime refuses it
		}
		w := quietWorld()
		response, err := httpapi.Mux(w.edge, w.handlers())(t.Context(), event)
		if err != nil {
			t.Fatalf("handler returned an error: %v", err)
		}
		isAnAnswer(t, response)
		if lines := w.log.lines(t); len(lines) > 1 && !strings.HasSuffix(event.Resource, "/unlocks") { // which has one for each name
			t.Errorf("%d lines in the log", len(lines))
		}
		login := event.HTTPMethod == "POST" && event.Resource == "/login"
		judged := slices.Contains([]int{200, 401, 423, 429}, response.StatusCode)
		if charged := len(w.charges()) > 0; charged != (login && judged) {
			t.Errorf("charged %v with %d for %s %s", charged, response.StatusCode, event.HTTPMethod, event.Resource)
		}
	})
}

// everyRecording returns the recorded events of testdata.
func everyRecording(f *testing.F) (all [][]byte) {
	f.Helper()
	err := filepath.WalkDir("testdata", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, text)
		return err
	})
	if err != nil || len(all) < 50 {
		f.Fatalf("%d recorded events: %v", len(all), err)
	}
	return all
}

// charges returns the attempts that were charged.
func (w *world) charges() (all []lockout.Charge) {
	for _, transition := range w.attempts.Transitions() {
		if charge, ok := transition.(lockout.Charge); ok {
			all = append(all, charge)
		}
	}
	return all
}

// isAnAnswer checks what holds for every answer, whatever it answers.
func isAnAnswer(t *testing.T, response events.APIGatewayProxyResponse) {
	t.Helper()
	for name, value := range response.Headers {
		if strings.ContainsFunc(name+value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("header %q is %q", name, value)
		}
	}
	if response.StatusCode < 400 {
		return
	}
	var p struct {
		Type, Title, Detail string
		Status              int
		RequestID           string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(response.Body), &p); err != nil || response.Headers["Content-Type"] != "application/problem+json" {
		t.Fatalf("%d is no problem document: %v: %s", response.StatusCode, err, response.Body)
	}
	row := httpapi.Problem{Type: p.Type, Title: p.Title, Status: p.Status}
	if p.Status != response.StatusCode || p.Detail == "" || p.RequestID != response.Headers["X-Request-Id"] ||
		!slices.Contains(httpapi.Problems(), row) || p.Status >= 500 {
		t.Errorf("%d is no problem of ours, or a fault: %s", response.StatusCode, response.Body)
	}
}

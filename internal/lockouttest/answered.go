package lockouttest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Answered returns the configuration of AWS clients that reach no network: each
// request is answered, once and as by a service that speaks JSON, with what
// answer gives for its operation ("GetItem") and body. So a decoder can be shown
// what no service would send, as often as a fuzzer likes.
func Answered(answer func(operation string, sent []byte) (status int, body []byte)) aws.Config {
	return aws.Config{
		Region: "eu-west-1", HTTPClient: answers(answer), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
	}
}

type answers func(operation string, sent []byte) (status int, body []byte)

// Do answers one request.
func (a answers) Do(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	status, body := a(operation, sent)
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// Ambiguous reports whether an item in JSON gives one attribute several types, or
// none. DynamoDB sends no such item, and the SDK reads another of the types each
// time, so a fuzz test that reads it twice has nothing to compare.
func Ambiguous(item []byte) bool {
	var attributes map[string]any
	return json.Unmarshal(item, &attributes) == nil && slices.ContainsFunc(slices.Collect(maps.Values(attributes)), ambiguous)
}

func ambiguous(value any) bool {
	types, ok := value.(map[string]any)
	if !ok {
		return false // an error to every reader
	}
	inner, _ := types["M"].(map[string]any)
	elements, _ := types["L"].([]any)
	return len(types) != 1 || slices.ContainsFunc(slices.Collect(maps.Values(inner)), ambiguous) || slices.ContainsFunc(elements, ambiguous)
}

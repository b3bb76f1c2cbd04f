package lockouttest

import (
	"bytes"
	"io"
	"net/http"
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

package environ

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// AWS is how a function reaches AWS. Lambda sets all of it but the endpoint,
// which is for standing in for AWS.
type AWS struct {
	Region          Name   `env:"AWS_REGION,required,notEmpty"`
	AccessKeyID     Name   `env:"AWS_ACCESS_KEY_ID,required,notEmpty"`
	SecretAccessKey string `env:"AWS_SECRET_ACCESS_KEY,required,notEmpty"`
	SessionToken    string `env:"AWS_SESSION_TOKEN"`
	Endpoint        URL    `env:"AWS_ENDPOINT_URL"`
}

// How long the parts of one request to AWS may take, and how often it is
// tried. AWS answers from within the region in milliseconds; what takes longer
// is a connection that died, and another try is better than waiting. Four tries
// are one more than the SDK's default, so that a connection that was reset
// while idle costs none of the usual three.
const (
	dialTime     = time.Second
	tlsTime      = time.Second
	responseTime = 3 * time.Second // until the answer's header
	requestTime  = 4 * time.Second // from the dial to the last byte
	sendTries    = 4
)

// How long the SDK waits between two tries: up to 100, 200 and 400 ms, at random.
// Its own waits, up to 2, 4 and 8 s, are for callers who have a minute; a login
// has ten seconds, and somebody waits for it. What throttles us for longer than
// this ends in a 503 that says when to come back.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 400 * time.Millisecond
)

// How many connections are kept open. One Lambda process makes at most a few
// requests at once, the tests some hundred. DynamoDB closes connections that
// were idle for a few minutes.
const (
	idleConnections = 100
	idleTime        = 90 * time.Second
)

// tlsSessions is how many TLS sessions are kept, one for each service and some to
// spare. A connection that died while the process was frozen then begins again
// without another look at the certificates (RFC 8446, 2.2).
const tlsSessions = 8

// Config returns the settings of every AWS client. Calls share one pool of
// connections per Config, so it is called once.
func (a AWS) Config() aws.Config {
	config := aws.Config{
		Region: string(a.Region),
		Credentials: credentials.NewStaticCredentialsProvider(
			string(a.AccessKeyID), a.SecretAccessKey, a.SessionToken),
		HTTPClient: HTTPClient(),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.Backoff = sendTries, retry.BackoffDelayerFunc(wait)
			})
		},
	}
	if a.Endpoint != "" {
		config.BaseEndpoint = aws.String(string(a.Endpoint))
	}
	return config
}

// wait returns how long to wait after a try that failed, counted from 1.
func wait(try int, _ error) (time.Duration, error) {
	longest := min(longestWait, firstWait<<max(0, min(try-1, sendTries)))
	return time.Duration(Jitter() * float64(longest)), nil
}

// HTTPClient returns a client with a pool of its own that is bounded in time,
// follows no redirect (neither AWS nor a set of keys has moved) and keeps the
// answer to a request whose body is closed early; see [WholeBody].
func HTTPClient() *http.Client {
	return &http.Client{
		Timeout:       requestTime,
		Transport:     WholeBody(transport()),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func transport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTime}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(tlsSessions)},
		TLSHandshakeTimeout:   tlsTime,
		ResponseHeaderTimeout: responseTime,
		MaxIdleConns:          idleConnections,
		MaxIdleConnsPerHost:   idleConnections,
		IdleConnTimeout:       idleTime,
	}
}

// WholeBody returns a transport that sends each request with its body read
// beforehand. The SDK closes the body of a request as soon as the answer comes;
// if the transport is then still looking for the body's end, it takes the closed
// body for a fault, drops the connection and loses an answer whose request took
// effect. Requests to the services used here are a few KiB.
func WholeBody(next http.RoundTripper) http.RoundTripper { return wholeBody{next} }

type wholeBody struct{ next http.RoundTripper }

// RoundTrip sends the request.
func (w wholeBody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return w.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if closeErr := r.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("reading the request's body: %w", err)
	}
	whole := r.WithContext(r.Context())
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return w.next.RoundTrip(whole)
}

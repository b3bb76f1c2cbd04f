package httpapi

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// How much of what a caller can choose is kept, in bytes.
const (
	// maxUserAgent bounds the evidence of a failed attempt, of which a record
	// holds up to nine. Browsers send 100 to 200 bytes.
	maxUserAgent = 256
	// maxRequestID is more than any of API Gateway's (36 bytes), which a
	// caller can choose too.
	maxRequestID = 128
	// maxSourceIP is the longest IPv6 address there is, with an embedded IPv4
	// address (INET6_ADDRSTRLEN of POSIX, less its final NUL).
	maxSourceIP = 45
)

// An origin says where a request came from.
type origin struct {
	RequestID string // printable ASCII
	SourceIP  string // as API Gateway saw it, never from a header
	UserAgent string
}

func originOf(ctx context.Context, event events.APIGatewayProxyRequest) origin {
	return origin{
		RequestID: requestID(ctx, event.RequestContext.RequestID),
		SourceIP:  bounded(event.RequestContext.Identity.SourceIP, maxSourceIP),
		UserAgent: bounded(event.RequestContext.Identity.UserAgent, maxUserAgent),
	}
}

// requestID returns API Gateway's id, or Lambda's where there is none, fit for
// a header.
func requestID(ctx context.Context, id string) string {
	if lambda, ok := lambdacontext.FromContext(ctx); ok && id == "" {
		id = lambda.AwsRequestID
	}
	visible := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, id)
	return bounded(visible, maxRequestID)
}

// bounded returns at most limit bytes of s, in valid UTF-8 and without control
// characters.
func bounded(s string, limit int) string {
	if len(s) > limit {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

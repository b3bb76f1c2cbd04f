package load

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// A Request is an HTTP/1.1 request as it goes over the connection. It may be
// sent many times, by several connections at once.
type Request []byte

// NewRequest returns a request to the server at base, such as
// http://127.0.0.1:8480. The headers are pairs of a name and a value; Host and
// Content-Length come by themselves. An empty body is none.
func NewRequest(base, method, path, body string, headers ...string) Request {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, Host(base))
	for i := 0; i+1 < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if body != "" || method != "GET" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return Request(b.String())
}

// NewJSON is NewRequest with a JSON body, which is what v becomes.
func NewJSON(base, method, path string, v any, headers ...string) (Request, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return NewRequest(base, method, path, string(body), append([]string{"Content-Type", "application/json"}, headers...)...), nil
}

// Host returns the HOST:PORT of a base, which may be one already.
func Host(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return base
	}
	return u.Host
}

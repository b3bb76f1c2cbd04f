package main

import (
	"net/http"
	"net/url"
	"strings"
)

// below is what is under the contract: it puts the path of the server's URL
// before that of a request, and takes off the headers that AWS and proxies add.
type below struct {
	http.RoundTripper
	base *url.URL
}

// RoundTrip sends one request.
func (b *below) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.base.Path != "" {
		r = r.Clone(r.Context())
		escaped := r.URL.EscapedPath()
		r.URL.Path, r.URL.RawPath = b.base.Path+r.URL.Path, b.base.EscapedPath()+escaped
	}
	response, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for name := range response.Header {
		if addedOnTheWay(name) {
			delete(response.Header, name)
		}
	}
	return response, nil
}

func addedOnTheWay(name string) bool {
	switch name {
	case "Server", "Via", "X-Cache", "Age", "Alt-Svc", "Strict-Transport-Security", "Keep-Alive":
		return true
	}
	return strings.HasPrefix(name, "X-Amz") || strings.HasPrefix(name, "Cf-")
}

package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"portcullis/internal/lockout"
)

// consolePage is what the console's page is called below /console/. It has a
// name, because whether "/console/" and "/console" are told apart is up to the
// gateway, and the page's files are found relative to it.
const consolePage = "index.html"

// A Site finds the files of the console by their paths below /console/, with
// the headers they are served with, and whether there is one.
type Site func(path string) (headers map[string]string, body []byte, ok bool)

// Console answers GET /console/{proxy+} with the console's files.
func Console(e Edge, site Site) Handler {
	return serve(e, endpoint{route: "GET /console/{proxy+}"}, func(_ context.Context, r *request[empty]) (any, error) {
		headers, body, ok := site(r.File)
		if !ok {
			return nil, fmt.Errorf("file of the console: %w", lockout.ErrNotFound)
		}
		return reply{status: http.StatusOK, headers: headers, body: body}, nil
	})
}

// ConsoleRoot answers GET /console, with and without a slash behind it, by
// leading to the page.
func ConsoleRoot(e Edge) Handler {
	return serve(e, endpoint{route: "GET /console"}, func(_ context.Context, r *request[empty]) (any, error) {
		page := strings.TrimSuffix(r.outside, "/") + "/" + consolePage
		return reply{status: http.StatusFound, headers: map[string]string{"Location": page}}, nil
	})
}

package environ_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"portcullis/internal/environ"
)

// A hasty body ends with io.ErrUnexpectedEOF when it is read after it was
// closed, as a body does that its owner closes as soon as the answer comes.
type hasty struct {
	io.Reader
	closed *atomic.Bool
}

func (h hasty) Read(p []byte) (int, error) {
	if h.closed.Load() {
		return 0, io.ErrUnexpectedEOF
	}
	return h.Reader.Read(p[:1]) // a byte at a time: its end is seen late
}

func (h hasty) Close() error { h.closed.Store(true); return nil }

func TestABodyIsReadBeforeTheRequestIsSent(t *testing.T) {
	var closed, early atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		early.Store(!closed.Load())
		sent, err := io.ReadAll(r.Body)
		if err != nil || string(sent) != "whole" {
			t.Errorf("the server read %q, %v", sent, err)
		}
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, hasty{bytes.NewReader([]byte("whole")), &closed})
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = int64(len("whole"))
	response, err := environ.HTTPClient().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if early.Load() {
		t.Error("the request was sent before its body was read and closed")
	}
}

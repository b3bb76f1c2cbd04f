package environ_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"portcullis/internal/environ"
)

// A tlsServer counts who connects.
type tlsServer struct {
	*httptest.Server
	connections atomic.Int32
	resumed     atomic.Bool // the connection of the latest request
	client      *http.Client
}

func newTLSServer(t *testing.T) *tlsServer {
	t.Helper()
	s := new(tlsServer)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.resumed.Store(r.TLS.DidResume)
		_, _ = io.WriteString(w, "hello")
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	transport := environ.Transport()
	transport.TLSClientConfig.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	s.client = &http.Client{Transport: environ.WholeBody(transport)}
	return s
}

// asked checks on which connection a request goes.
func (s *tlsServer) asked(t *testing.T, connections int32, resumed bool) {
	t.Helper()
	response, err := s.client.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	if n := s.connections.Load(); n != connections || s.resumed.Load() != resumed {
		t.Errorf("on connection %d, resumed %v; want %d, %v", n, s.resumed.Load(), connections, resumed)
	}
}

func TestRequestsShareAConnectionAndItsTLSSession(t *testing.T) {
	s := newTLSServer(t)
	s.asked(t, 1, false)
	s.asked(t, 1, false)
	s.CloseClientConnections()
	s.asked(t, 2, true)
}

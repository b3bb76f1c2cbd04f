package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheRelayLeadsToTheServices(t *testing.T) {
	services := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	defer services.Close()
	r, err := lead("127.0.0.1", services.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if r.endpoint == services.URL {
		t.Fatalf("the relay is where the services are, at %s", r.endpoint)
	}
	long := strings.Repeat("a body of some length ", 100_000)
	for range 3 {
		answer, err := http.Post(r.endpoint, "text/plain", strings.NewReader(long))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || string(body) != long {
			t.Errorf("got %d bytes, %v, want %d", len(body), err, len(long))
		}
		_ = answer.Body.Close()
	}
}

func TestARelayWhoseServicesAreGone(t *testing.T) {
	services := httptest.NewServer(http.NotFoundHandler())
	services.Close()
	r, err := lead("127.0.0.1", services.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if answer, err := http.Get(r.endpoint); err == nil {
		_ = answer.Body.Close()
		t.Errorf("got %d, want a closed connection", answer.StatusCode)
	}
}

// TestAnEngineInAVirtualMachine has a gateway that no machine has: an address for
// documentation (RFC 5737).
func TestAnEngineInAVirtualMachine(t *testing.T) {
	r, err := lead("192.0.2.1", "http://127.0.0.1:4566")
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if want := "http://host.docker.internal:4566"; r.endpoint != want {
		t.Errorf("got %s, want %s", r.endpoint, want)
	}
}

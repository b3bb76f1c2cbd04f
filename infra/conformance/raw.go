package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

// What net/http does not do: leave in the middle, and take one's time. These go
// round the slots and the pace.

// dial connects to the server, without a proxy.
func (w *wire) dial(ctx context.Context) (net.Conn, error) {
	address := w.base.Host
	secure := w.base.Scheme == "https"
	if w.base.Port() == "" {
		port := "80"
		if secure {
			port = "443"
		}
		address = net.JoinHostPort(w.base.Hostname(), port)
	}
	dialer := net.Dialer{Timeout: answerTime}
	if secure {
		over := tls.Dialer{NetDialer: &dialer, Config: &tls.Config{ServerName: w.base.Hostname(), MinVersion: tls.VersionTLS12}}
		return over.DialContext(ctx, "tcp", address)
	}
	return dialer.DialContext(ctx, "tcp", address)
}

// text returns a request as HTTP/1.1 has it.
func (w *wire) text(r request) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, w.base.EscapedPath()+r.path, w.base.Host)
	fmt.Fprintf(&b, "User-Agent: conformance\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(r.body))
	b.Write(r.body)
	return b.Bytes()
}

// hangUp sends a whole request and leaves.
func (w *wire) hangUp(ctx context.Context, r request) error {
	return w.sendPart(ctx, w.text(r))
}

// cut sends a request without the last byte of its body and leaves.
func (w *wire) cut(ctx context.Context, r request) error {
	text := w.text(r)
	return w.sendPart(ctx, text[:len(text)-1])
}

func (w *wire) sendPart(ctx context.Context, text []byte) error {
	w.requests.Add(1)
	conn, err := w.dial(ctx)
	if err != nil {
		return err
	}
	_, err = conn.Write(text)
	if closed := conn.Close(); err == nil {
		err = closed
	}
	return err
}

// slowly sends a request with pauses within its body, and returns the answer.
func (w *wire) slowly(ctx context.Context, r request, pause time.Duration) (answer, error) {
	w.requests.Add(1)
	conn, err := w.dial(ctx)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return answer{}, err
	}
	text := w.text(r)
	head := len(text) - len(r.body)
	for _, part := range [][]byte{text[:head], text[head : head+1], text[head+1 : len(text)-1], text[len(text)-1:]} {
		if _, err := conn.Write(part); err != nil {
			return answer{}, err
		}
		if err := sleep(ctx, pause); err != nil {
			return answer{}, err
		}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.method})
	if err != nil {
		return answer{}, err
	}
	return read(response)
}

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
)

// desktopHost is what containers call the machine where the engine runs in a
// virtual one, as Docker Desktop's does. It leads to 127.0.0.1 there.
const desktopHost = "host.docker.internal"

// A relay lets containers reach a server that listens on 127.0.0.1 alone: it
// listens on the address that this machine has in the containers' network, and on
// no other.
type relay struct {
	endpoint string // of the server, as containers see it
	listener net.Listener
	server   string
}

// lead returns a relay to an endpoint. Where the gateway is not an address of this
// machine, the engine runs in a virtual one and has a way of its own.
func lead(gateway, endpoint string) (*relay, error) {
	to, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(gateway, "0"))
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return &relay{endpoint: "http://" + net.JoinHostPort(desktopHost, to.Port())}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listening for the containers: %w", err)
	}
	r := &relay{endpoint: "http://" + listener.Addr().String(), listener: listener, server: to.Host}
	go r.accept()
	return r, nil
}

// accept serves until the listener is closed.
func (r *relay) accept() {
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return
		}
		go r.join(from)
	}
}

// join passes bytes both ways until both sides have said all.
func (r *relay) join(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", r.server)
	if err != nil {
		return // the container sees a closed connection
	}
	defer to.Close()
	back := make(chan struct{})
	go func() {
		pass(from, to)
		close(back)
	}()
	pass(to, from)
	<-back
}

// pass copies all that one side says, and then its end.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// close takes no more connections.
func (r *relay) close() {
	if r.listener != nil {
		_ = r.listener.Close()
	}
}

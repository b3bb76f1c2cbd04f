// Local serves the whole of Portcullis on one port of this machine, over plain
// HTTP, for trying it out and for tests:
//
//	go run ./infra/local
//
// It stands where API Gateway stands in AWS. A request becomes the proxy event
// that API Gateway would make of it (event.go), finds its route in package
// access (route.go), passes the authorizer, whose IAM policy is enforced
// (policy.go), and goes to a handler (gateway.go). Behind that gateway is one
// of two worlds:
//
//   - embedded.go: the handlers in this process, on a data folder;
//   - compiled.go: the compiled functions as processes of their own, which are
//     spoken to as the Lambda service would (pool.go, and package bootstrap), on
//     the stores that the environment names.
//
// The one decision a reader must know: nothing of the API is decided here. The
// routes, the rights, the answers and the rule are those of the functions, so
// what works here works there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"portcullis/infra/examples"
	"portcullis/internal/access"
	"portcullis/internal/environ"
)

// How long one HTTP exchange may take. An answer takes at most as long as API
// Gateway waits for a function, and reading a request of 64 KiB on a loopback
// address takes no time at all.
const (
	headerTime   = 5 * time.Second
	readTime     = 15 * time.Second
	writeTime    = readTime + integrationTime + 5*time.Second
	idleTime     = time.Minute
	shutdownTime = functionTime + 2*time.Second // for what is under way when the server is stopped
	sameSignal   = 500 * time.Millisecond       // within which a second signal is the first one again
)

// consoleRoot begins the paths of the console.
const consoleRoot = "/console/"

// maxHeaderBytes is the size of all headers that API Gateway takes.
const maxHeaderBytes = 10_240

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once. But a Ctrl-C comes twice where
	// infra/ministack passes on what the terminal sends to both.
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) })
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// run serves until the context ends.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) (err error) {
	s, err := parse(arguments, stderr)
	if err != nil {
		return err
	}
	if s.seed {
		return s.seedStores(ctx, stdout, stderr)
	}
	defer runtime.KeepAlive(newBallast())
	defer func() { s.farewell(stdout, err) }()
	listener, err := listen(s.addr, stderr)
	if err != nil {
		return err
	}
	defer listener.Close()
	lines := &held{w: stderr}
	defer lines.release()
	log := s.logger(lines)
	w, err := s.open(log, lines)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	found, err := w.demo(ctx)
	switch {
	case ctx.Err() != nil:
		return nil // stopped before it began
	case err != nil:
		return fmt.Errorf("making the first users: %w", err)
	}
	s.greet(stdout, listener.Addr().String(), w.where, found)
	lines.release()
	debug.FreeOSMemory() // what the first users' hashes took
	return serve(ctx, listener, withRest(withExamples(withCompression(&gateway{
		routes: slices.Concat(access.Routes(), access.ConsoleRoutes()), backend: w.backend, log: log, now: time.Now, newID: environ.NewID, origins: w.origins,
	})), debug.FreeOSMemory))
}

// seedStores makes the demo client for another server, and tells of its users.
func (s *settings) seedStores(ctx context.Context, stdout, stderr io.Writer) (err error) {
	w, err := s.openCompiled(stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	found, err := w.demo(ctx)
	if err != nil {
		return fmt.Errorf("making the first users: %w", err)
	}
	s.greet(stdout, s.addr, "The data goes when it stops.", found)
	return nil
}

// listen takes the port.
func listen(addr string, stderr io.Writer) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken; choose another address, such as -addr 127.0.0.1:8481, or -addr 127.0.0.1:0 for any free port", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	if warning := exposure(listener.Addr()); warning != "" {
		fmt.Fprintln(stderr, "local: warning:", warning)
	}
	return listener, nil
}

// exposure says what is wrong with an address that other machines can reach, or
// "".
func exposure(addr net.Addr) string {
	if at, ok := addr.(*net.TCPAddr); ok && at.IP.IsLoopback() {
		return ""
	}
	return addr.String() + " can be reached from other machines, and passwords and tokens cross the network unencrypted"
}

// withExamples serves the examples beside the API. It is no http.ServeMux, which
// would mend paths that API Gateway does not.
func withExamples(api http.Handler) http.Handler {
	shown := examples.Handler("")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, examples.Root) {
			shown.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// withCompression compresses the console's files, as API Gateway would. It
// compresses the API's answers too; here they stay as they are, to be read.
func withCompression(api http.Handler) http.Handler {
	packed := gzhttp.GzipHandler(api)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, consoleRoot) {
			packed.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// serve answers requests until the context ends, and then what is under way.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, MaxHeaderBytes: maxHeaderBytes,
		ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := server.Shutdown(late); err != nil {
		return fmt.Errorf("stopping: %w", errors.Join(err, server.Close()))
	}
	return nil
}

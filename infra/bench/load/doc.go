// Package load asks an HTTP server as fast as it answers, and sums up what came
// of it: for comparisons of servers, and of one server with what it cannot be
// quicker than.
//
//   - conn.go, request.go: one connection that is kept, and what goes over it;
//   - load.go: n clients at once, as fast as the answers come or at a pace;
//   - burst.go: n requests released at one moment;
//   - sample.go, spread.go, rounds.go, wilson.go: what the numbers say;
//   - table.go, machine.go, benchfmt.go: how they are told;
//   - bare.go: what the generator itself costs.
//
// The one decision a reader must know: it shares the machine with the server, so
// what it spends is missing there. It therefore speaks only as much HTTP/1.1 as
// an answer needs, sends bytes that were made before, and reads an answer into
// memory that the next one overwrites.
package load

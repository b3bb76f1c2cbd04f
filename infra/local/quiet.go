package main

import (
	"net/http"
	"time"
)

// quietTime is how long nobody asks before memory is given back: a pause that
// somebody at a keyboard makes, and longer than between the requests of a portal that
// is in use.
const quietTime = 5 * time.Second

// ballastSize is what the heap is taken to hold at least, in bytes. Go collects
// garbage when as much is new as is alive, and little is alive here but hashes:
// without it every 4 MB of answers would be a collection.
const ballastSize = 16 << 20

// newBallast returns memory for as long as the server runs that nobody touches. Made
// before anything else it is fresh from the system, which then never gives any of it.
// Locked refusals are a tenth more a second by it, and logins too. A GOGC of 400 does
// the same for refusals, but keeps 235 MB of what hashes leave behind, and logins are
// fewer.
func newBallast() []byte { return make([]byte, ballastSize) }

// withRest calls rest whenever nobody has asked for anything for quietTime, once. A
// hash takes 19 MiB, and Go keeps what was used at the busiest moment for minutes:
// 95 MiB after 32 clients, where 18 do (infra/bench/RESULTS.md).
func withRest(next http.Handler, rest func()) http.Handler {
	timer := time.AfterFunc(quietTime, rest)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		timer.Reset(quietTime)
		defer timer.Reset(quietTime)
		next.ServeHTTP(w, r)
	})
}

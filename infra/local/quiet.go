package main

import (
	"net/http"
	"os"
	"runtime/debug"
	"time"
)

// quietTime is how long nobody asks before memory is given back: a pause that
// somebody at a keyboard makes, and longer than between the requests of a portal that
// is in use.
const quietTime = 5 * time.Second

// collectAt is Go's GOGC where the environment sets none: how much the heap may grow,
// in percent of what is alive, before garbage is collected. Little is alive here but
// hashes, so at Go's 100 every 4 MB of answers would be a collection; at 400 locked
// refusals are a tenth to a quarter more a second, and the heap has 16 MB.
const collectAt = 400

// settleMemory is called once, when the first users have been made: it gives back what
// their hashes took.
func settleMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	debug.FreeOSMemory()
}

// withRest calls rest when requests have been answered and none has come for quietTime
// since. A hash takes 19 MiB, and Go keeps what was used at the busiest moment for
// minutes: 95 MiB after 32 clients, where 14 would do (infra/bench/RESULTS.md).
func withRest(next http.Handler, rest func()) http.Handler {
	timer := time.AfterFunc(quietTime, rest)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer timer.Reset(quietTime)
		next.ServeHTTP(w, r)
	})
}

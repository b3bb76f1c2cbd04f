package main

import (
	"net/http"
	"time"
)

// quietTime is how long nobody asks before memory is given back: a pause that
// somebody at a keyboard makes, and longer than between the requests of a portal that
// is in use.
const quietTime = 5 * time.Second

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

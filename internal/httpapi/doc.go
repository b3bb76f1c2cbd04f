// Package httpapi turns API Gateway proxy events into Go and back. It is the
// only place that knows a status code, a header or how an answer is spelled;
// what a login or an unlock is, the packages below decide.
//
// Every handler is the same function, [serve], around a few lines of its own:
//
//	event ─► route ─► path ─► caller ─► query ─► body ─► do ─► answer or problem ─► one log line
//
// Each step can refuse, and nothing is acted on, counted or charged before the
// last of them has passed. What went wrong is a Go error until the very end,
// where one table (problem.go) makes a problem document of it. What went well is
// a 200, or what reply.go has for it, and whatever it is, cors.go says which
// pages may read it.
//
// The one decision a reader must know: a handler knows its own route, finds the
// route's action in package access and checks the caller again, though the
// authorizer in front of it has. A route that the table does not have answers
// 404, whatever the gateway thinks.
//
// Logs get one line per request with the names of OWASP's logging vocabulary.
// Passwords, tokens and bodies never reach them, and what a caller can choose
// is bounded first.
package httpapi

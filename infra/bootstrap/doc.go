// Package bootstrap runs a compiled function on this machine as the Lambda service
// would: it starts the function's bootstrap, answers what that asks of the Lambda
// Runtime API, and hands it one event at a time.
//
// The one decision a reader must know: each process has an API of its own, on a
// port of its own. So who asks is known by where they ask, and when a process
// first asks for work, which is when Lambda calls it initialized, can be told.
package bootstrap

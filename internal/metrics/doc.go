// Package metrics tells CloudWatch what became of logins and how long the
// stores and the hash took.
//
// It sends nothing: it writes lines in the Embedded Metric Format to standard
// output, which Lambda takes to the log anyway, and CloudWatch Logs makes
// metrics of them. So a request waits for no other service, and when CloudWatch
// is away, nothing fails.
//
//	watched gate, stores ─► Recorder ─► one line for each request ─► the log ─► a metric
//
// The rule knows nothing of it: [WatchGate], [WatchAttempts] and
// [WatchCredentials] stand around what they watch. A [Recorder] belongs to one
// process, which Lambda gives one event at a time, and [Flushed] writes what one
// event left.
//
// The one decision a reader must know: nothing here has a parameter for a text.
// What a metric can say is its name, a number, the stage and the function, all
// of which were known when the function was built or deployed. So no user, no
// client and no address can become a metric, and the number of metrics, which
// CloudWatch charges for, does not grow with use.
package metrics

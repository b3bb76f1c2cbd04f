// Package environ is where a function meets the outside world: its
// configuration, its AWS clients' settings, the machine's clock and
// randomness, and its log.
//
// Configuration is environment variables and nothing else. Each function
// declares a small struct of what it needs, out of the parts kept here, and
// [Parse] fills it in or returns one error that names every variable that is
// missing or bad, so that a deployment is mended in one go. The error never
// holds a value, since the log is no place for one.
//
// The one decision a reader must know: the settings for AWS are a literal
// [aws.Config]. The SDK's own loader reads files, asks for a region and builds
// chains of credentials, none of which a Lambda function has a use for, and
// costs 2.4 ms and 12,000 allocations of every cold start. So there is nothing
// here that runs before main asks for it.
package environ

// Package faults is a proxy in front of the AWS services that injects faults
// into the calls to them.
//
//	proxy, err := faults.Start(os.Getenv("AWS_ENDPOINT_URL"), nil)
//	defer proxy.Close()
//	// run a program with AWS_ENDPOINT_URL=proxy.URL()
//	proxy.Inject(faults.At("dynamodb:UpdateItem", 1, faults.Lose))  // one call, in all its tries
//	proxy.Inject(faults.Random(seed, 0.02, faults.Kinds()...))      // a share of everything
//	for _, call := range proxy.Take() { … }                         // what came through
//
// It reads from each request which operation it is, on what, and from which
// function, so a test can first list the calls that an act makes and then fail
// each of them. Tries of the SDK for the same call are told apart from calls of
// their own by the SDK's invocation id.
//
// The one decision a reader must know: a fault is decided for a try, and not for
// a call. A [Rule] that looks at the number of the try lets the SDK mend what
// another rule makes last.
package faults

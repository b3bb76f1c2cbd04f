// Command samlocal serves what `sam build` has built through the SAM CLI's own
// emulation of API Gateway and Lambda, "sam local start-api":
//
//	make sam-local
//
// It stands beside infra/ministack, which starts the services and says in the
// environment where they are:
//
//   - docker.go has a Docker engine: the machine's own, or with -own-docker one
//     that is started for this alone (daemon.go), with an image to run functions
//     in that is made on the spot (image.go), so that nothing is pulled;
//   - template.go declares in a copy of the built template what leads to the
//     services, because SAM drops a variable that no function declares without a
//     word, and writes the file of the variables;
//   - relay.go lets the containers reach the services;
//   - sam.go starts SAM and waits until it serves, with the authorizer asked.
//
// Without a command it makes the client "demo", tells its users as `make run`
// does, and serves until Ctrl-C. With one it runs it, with SAM_LOCAL_API set to
// where the API is, and ends with its exit code.
//
// The one decision a reader must know: whatever was started here is ended and
// removed again, whatever happens in between. After SIGKILL an engine of our own
// still ends with its containers; its folder and its bridge stay.
package main

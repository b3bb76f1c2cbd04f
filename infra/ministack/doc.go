// Command ministack runs another command against AWS services of its own.
//
//	go run ./infra/ministack -- go test ./...
//
// It starts MiniStack (one process that speaks like CloudFormation, DynamoDB and
// its streams, SSM, Cognito, EventBridge and SQS) on a free port of 127.0.0.1,
// deploys ./infra/storage.yaml and ./infra/identity.yaml there, makes the secrets,
// and runs the command with AWS_ENDPOINT_URL, the other AWS_ variables and the functions'
// PORTCULLIS_ variables set. Signals are passed on, or end the setting up when
// the command does not run yet; the exit code is the command's.
//
// The one decision a reader must know: nothing outlives it. All data is in the
// memory of the one process, which ends with this one, also on a signal. On Linux
// even SIGKILL leaves no process, only its temporary folder; elsewhere both stay
// until somebody removes them.
//
// MiniStack is installed by `make test` into a virtual environment, by default
// .build/ministack, from requirements.txt, where every package is pinned by its
// hash.
package main

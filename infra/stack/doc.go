// Package stack makes, on an endpoint that speaks like AWS, the stores that a
// deployment makes on AWS: the tables of infra/storage.yaml, and the user pool of
// infra/identity.yaml with its groups and its app client. It adds the secrets,
// which no template can make.
//
// The one decision a reader must know: the endpoint's CloudFormation reads the
// very files that are deployed, so a test runs on those keys, indexes and settings
// and not on a copy of them. It is for tests and for running the compiled
// functions on a developer's machine. An emulator's CloudFormation may leave
// settings aside that nobody needs there, such as backups and times to live; the
// tests in infra look for those in the files.
package stack

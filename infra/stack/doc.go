// Package stack makes, on an endpoint that speaks like AWS, the stores that
// template.yaml makes on AWS: the tables as the template describes them, and a
// user pool, its app client and the token secret with the settings that the
// functions lean on.
//
// The one decision a reader must know: the tables are read from template.yaml
// itself, so a test runs on the keys and indexes that are deployed and not on a
// copy of them. It is for tests and for running the compiled functions on a
// developer's machine; a deployment goes through CloudFormation.
package stack

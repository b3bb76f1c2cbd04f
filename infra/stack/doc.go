// Package stack makes, on an endpoint that speaks like AWS, the stores that
// template.yaml makes on AWS: the tables, and the user pool with its groups and
// its app client. It adds the secrets, which are made by hand on AWS.
//
// The one decision a reader must know: all of it is read from template.yaml
// itself, so a test runs on the keys, indexes and settings that are deployed
// and not on a copy of them. It is for tests and for running the compiled
// functions on a developer's machine; a deployment goes through CloudFormation.
package stack

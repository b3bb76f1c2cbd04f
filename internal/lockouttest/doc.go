// Package lockouttest holds what the tests of the other packages share: one
// contract suite for each interface that a store implements, small fakes that
// really work, and the door to the AWS services that the tests run against.
//
// A suite ([TestAttempts], [TestTrail], [TestUsers], [TestPolicies],
// [TestTokens]) is the interface's contract as code. Every implementation runs
// it, the fakes too, so a test that passes on a fake says something about the
// stores. To add a store, write a test in its package that opens a fresh one
// and hands it to the suite.
//
// Besides the suites, which take one step at a time, there are random sequences
// ([TestPropertyOfTransitions], [TestPropertyOfGate], [TestPropertyOfUsers]),
// which are made short when they fail, and concurrent histories
// ([TestLinearizable]). How many are tried follows rapid's flag -rapid.checks or
// the variable RAPID_CHECKS; 100 is its default, and each test tries its share.
//
// The one decision a reader must know: a test that needs AWS never skips. [AWS]
// reads the address of the services from AWS_ENDPOINT_URL, which the command
// infra/ministack sets, and fails the test when it is missing.
//
// Only tests import this package.
package lockouttest

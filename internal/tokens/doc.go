// Package tokens is the way in after a right password and the proof of it
// later: it mints sessions with Amazon Cognito and verifies access tokens.
//
// Cognito never judges a guess. People's passwords are verified by package
// users; what Cognito knows is a machine password that no person does, derived
// from the user's name under a secret ([Minter]). So Cognito's own lock never
// stacks on ours, and the functions that hold the secret are the only way to a
// token.
//
// [Verifier] accepts one kind of token: an access token signed with RS256 by a
// key of the issuer, for our app client, for a user whose name is
// "client/username". It takes its keys from a [KeySource]: [JWKS] fetches
// Cognito's, package embedded has its own.
//
// The one decision a reader must know: the role is the token's one group among
// access.Roles. A token with none, or with more than one, has a caller without
// a role, who may do nothing. Guessing the lesser of two would hide that
// somebody made a mistake.
package tokens

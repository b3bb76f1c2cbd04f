// Package tokens is the way in after a right password and the proof of it
// later: it mints sessions with Amazon Cognito and verifies access tokens.
//
// Cognito never judges a guess. People's passwords are verified by package
// users; what Cognito knows is a machine password that no person does, derived
// from the user's name under a secret ([Minter]). So Cognito's own lock never
// stacks on ours.
//
// The app client has a secret too, which Cognito made and only [Minter.Mint]
// reads. Cognito's calls to begin and to renew a session are open to the world
// and a client's id is in every token; without the secret, whoever held a
// refresh token could renew it there, past every lock. With it, the functions
// that hold the secrets are the only way to a token.
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

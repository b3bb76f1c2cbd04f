// Package tokens is the way in after a right password and the proof of it
// later: it mints, renews and ends sessions with Amazon Cognito and verifies
// access tokens.
//
// Cognito never judges a guess. People's passwords are verified by package
// users; what Cognito knows is a machine password that no person does, derived
// from the user's name and the time of their creation under a secret
// ([Minter]). So Cognito's own lock never stacks on ours, and who is deleted and
// created anew is somebody else.
//
// The app client has a secret too, which Cognito made and only what begins,
// renews or revokes a session reads. Cognito's calls for these are open to the
// world and a client's id is in every token; without the secret, whoever held a
// refresh token could renew it there, past every lock. With it, the functions
// that hold the secrets are the only way to a token.
//
// Cognito does not decide alone whether a session goes on. A refresh token is
// handed out in an envelope that says, under an HMAC, whose it is and under
// which mark their session began ([Minter.Grant]). Who renews it compares the
// mark with the user's, and looks whether they are there and not locked, before
// Cognito is asked.
//
// [Verifier] accepts one kind of token: an access token signed by a key of the issuer
// with that key's algorithm, for our app client, for a user whose name is
// "client/username". It takes its keys from a [KeySource]: [JWKS] fetches
// Cognito's, which are for RS256 alone; package embedded has its own.
//
// The one decision a reader must know: the role is the token's one group among
// access.Roles. A token with none, or with more than one, has a caller without
// a role, who may do nothing. Guessing the lesser of two would hide that
// somebody made a mistake.
package tokens

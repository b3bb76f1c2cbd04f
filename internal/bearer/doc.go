// Package bearer verifies access tokens: what a caller shows to prove who they are.
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
package bearer

// Package tokens is the way in after a right password: it mints, renews and ends
// sessions with Amazon Cognito.
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
// The one decision a reader must know: what a session's token says is compared
// with the user before it is handed out, without its signature, since it comes
// from Cognito itself. Package bearer verifies what comes from a caller. It is a
// package of its own because who verifies tokens asks neither Cognito nor
// Parameter Store, whose clients take a tenth of a function's start each.
package tokens

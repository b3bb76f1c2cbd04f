// Package users keeps the users of each client, and judges names and
// passwords.
//
// It is the only door through which a name becomes a store key:
//
//	UserKey   strict; for everything an administrator does
//	LoginKey  for login; a name that breaks the rules is simply unknown
//
// Names are spelled as RFC 8265 UsernameCasePreserved, passwords as RFC 8265
// OpaqueString. Passwords are kept as Argon2id PHC strings; [Hasher] bounds how
// many are computed at once, and [Credential] compares one. [Store] keeps both
// in the DynamoDB table "users":
//
//	client  username    other attributes
//	acme    #client     created_at, sysadmins
//	acme    ana.silva   password_hash, role, name, email, created_at, sessions_since, search
//
// Times are RFC 3339 UTC with milliseconds. No username may hold "#", so the
// item of the client itself can never be taken for a user. "sysadmins" is a set
// of names and "search" the text that a list is searched in.
//
// Every change is one transaction of the user's item, the audit entry and, when
// a Sysadmin comes or goes, the client's set of them, so that no change goes
// unrecorded and no client loses its last Sysadmin, whoever else is at it.
//
// The one decision a reader must know: a login reads the user's item alone, and
// strongly consistently, one read unit. An eventually consistent read costs
// half, and could judge a password against one that was replaced a moment ago,
// which would count a failure that was our fault.
package users

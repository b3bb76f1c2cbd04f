// Package embedded keeps everything of Portcullis in one folder of one
// machine: the same interfaces as the packages on DynamoDB, SSM and Cognito,
// on bbolt and a signer of its own, for running without AWS.
//
// The folder has mode 0700 and holds two files of mode 0600:
//
//	portcullis.db    the bbolt file
//	signing-key.pem  the P-256 key that signs tokens (PKCS #8);
//	                 an RSA key in a folder of an earlier version
//
// The buckets of the bbolt file; every value is JSON, except in meta:
//
//	meta      "format"         the version of this layout
//	attempts  client/username  a record: generation, charges, evidence, lock
//	locked    client/username  {}, for a known user who is locked
//	clients   client           when the client was created
//	users     client/username  a user with the password's hash
//	policies  client           the client's maximum, its version and author
//	audit     client/id        an entry of the trail; ids sort by time
//	sessions  SHA-256          whose refresh token has that hash, the mark of
//	                           their sessions then, and its times
//
// Bucket locked is made of attempts, in the transaction that locks or unlocks;
// where a folder has none, it is made when the folder is opened.
//
// A client's name holds no slash, so a key can be read only one way, and the
// keys of one client lie together, in the order of their second part.
//
// The one decision a reader must know: a transition is answered only once it
// is on the disk. It is tried in a read transaction first, since a refusal
// that is decided on what is on the disk needs no write. When it applies, it
// goes to the one goroutine that writes, which takes everything that is waiting
// into one bbolt transaction, applies each transition again on what it finds
// there, and answers all of them after the one commit.
//
// Records of unknown users, the entries of their locks and dead sessions are
// swept out when the folder is opened, and once a day while it is open.
package embedded

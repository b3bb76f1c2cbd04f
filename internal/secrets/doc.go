// Package secrets holds keys that stay secret: a [Secret] is read when it is
// first needed and kept in the process alone. It says nothing about what a key
// is for; whoever holds one derives from it, under a label of their own.
//
// The one decision a reader must know: a secret is read once, and again only
// when somebody says that it was refused or may have been replaced, at most once
// a minute. So a secret can be replaced without a restart, and neither a flood of
// requests nor one broken user makes a flood of reads.
package secrets

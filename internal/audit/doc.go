// Package audit keeps the trail: who did what to whom, when, from where and
// why. An [Entry] is one act; [Trail] keeps entries in DynamoDB.
//
//	client       "acme"                        partition key
//	id           "01J…", a ULID                sort key, so the order is that of time
//	at           "2026-11-23T10:04:05.123Z"
//	action       "authn_login_lock"
//	actor        "acme/root"
//	username     "ana.silva"                   absent for acts on the client itself
//	source_ip, request_id, reason              absent where there is none
//	details      [Details] as a JSON document
//	expires_at   epoch seconds                 for unknown users; absent for the rest
//
// The one decision a reader must know: an entry is written once. Every write
// asks that its id is not there yet, and nothing here updates or deletes. IAM
// lets the functions put items and neither update nor delete them; it cannot
// tell a first put from one that overwrites, so that rests on the condition
// made here. The entry of a lock or an unlock is written in the same
// transaction as the lock itself, by package attempts, with what [Trail.Put]
// gives it, and that of a change of a user by package users, with
// [Trail.PutEntry].
package audit

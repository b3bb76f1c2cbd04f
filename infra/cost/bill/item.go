package bill

import (
	"math"

	"portcullis/internal/lockout"
)

// The sizes of DynamoDB's values, from the Developer Guide, "DynamoDB item sizes
// and formats": a name and a string are their bytes, a number is about a byte
// for two digits and one more, a set, a list and a map have three bytes and one
// for each element.
const (
	containerBytes = 3
	elementBytes   = 1
	smallNumber    = 2  // one or two digits
	secondsNumber  = 6  // ten digits
	idBytes        = 26 // a ULID
	momentBytes    = 24 // "2026-11-23T10:04:05.123Z"
)

// A Shape is what the size of a user's record depends on, in bytes.
type Shape struct {
	Key       int // "client/username"
	Client    int
	SourceIP  int
	UserAgent int // the functions keep 256 at most
	RequestID int
}

// A state is what a record holds.
type state struct {
	inFlight, failed int
	locked, unknown  bool
}

// recordBytes returns the size of a record, as package attempts stores it.
func (s Shape) recordBytes(of state) int {
	n := len("user") + s.Key + len("generation") + smallNumber
	if of.inFlight+of.failed == 0 {
		return n // all else is forgotten with the last success
	}
	n += len("charged") + smallNumber + len("charged_at") + momentBytes + len("failed") + smallNumber
	if of.inFlight > 0 {
		n += len("in_flight") + containerBytes + of.inFlight*(elementBytes+idBytes)
	}
	if of.failed > 0 {
		n += len("evidence") + containerBytes + of.failed*(elementBytes+s.evidenceBytes())
	}
	if of.locked {
		n += len("lock_id") + idBytes + len("locked_at") + momentBytes
	}
	switch {
	case of.unknown && of.failed > 0:
		n += len("expires_at") + secondsNumber
	case of.locked:
		n += len("locked_client") + s.Client
	}
	return n
}

func (s Shape) evidenceBytes() int {
	const fields = 4
	return containerBytes + fields*elementBytes +
		len("attempt_id") + idBytes + len("at") + momentBytes + len("source_ip") + s.SourceIP + len("user_agent") + s.UserAgent
}

// entryBytes returns the size of the audit entry of a lock, as package audit
// stores it: with its particulars as JSON.
func (s Shape) entryBytes(failed int, unknown bool) int {
	const (
		action  = len("authn_login_lock")
		actor   = len("portcullis")
		details = len(`{"lock_id":"","max_failed_login_attempts_portal":5,"failed_attempts":5,"evidence":[]}`) + idBytes
		one     = len(`{"at":"","source_ip":"","user_agent":""},`) + momentBytes
	)
	username := s.Key - s.Client - 1
	n := len("client") + s.Client + len("id") + idBytes + len("at") + momentBytes + len("action") + action +
		len("actor") + actor + len("username") + username + len("source_ip") + s.SourceIP +
		len("request_id") + s.RequestID + len("details") + details + failed*(one+s.SourceIP+s.UserAgent) - 1
	if unknown {
		n += len("expires_at") + secondsNumber
	}
	return n
}

// userBytes is about the size of a user's item: the hash is 97 bytes, the names of
// the attributes 70, the times 48, and a role, a name and an address the rest.
func (s Shape) userBytes() int { return s.Key + 97 + 70 + 48 + 120 }

// A write unit writes up to 1 KB and a read unit reads up to 4 KB strongly
// consistent; a write is as large as the larger of the items before and after.
const (
	writeUnitBytes = 1024
	readUnitBytes  = 4096
)

func writeUnits(before, after int) float64 {
	return math.Max(1, math.Ceil(float64(max(before, after))/writeUnitBytes))
}

func readUnits(size int) float64 { return math.Max(1, math.Ceil(float64(size)/readUnitBytes)) }

// Written returns the write units of an update that found a record as before and
// left it as after.
func (s Shape) Written(before, after lockout.Record) float64 {
	return writeUnits(s.recordBytes(stateOf(before)), s.recordBytes(stateOf(after)))
}

// Entry returns the write units of the audit entry of a lock, outside of a
// transaction, which doubles them.
func (s Shape) Entry(locked lockout.Record) float64 {
	return writeUnits(0, s.entryBytes(locked.Failed, !locked.ExpiresAt.IsZero()))
}

func stateOf(r lockout.Record) state {
	return state{inFlight: len(r.InFlight), failed: r.Failed, locked: r.Locked(), unknown: !r.ExpiresAt.IsZero()}
}

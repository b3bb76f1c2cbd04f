package embedded

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// Attempts keeps the records of attempts. It implements lockout.Attempts.
type Attempts struct {
	store   *Store
	decoded *decodedRecords
}

// record is a lockout.Record as it is stored.
type record struct {
	Generation int64      `json:"generation,omitempty"`
	Reclaims   int64      `json:"reclaims,omitempty"`
	InFlight   []string   `json:"in_flight,omitempty"`
	Charged    int        `json:"charged,omitempty"`
	ChargedAt  time.Time  `json:"charged_at,omitzero"`
	Failed     int        `json:"failed,omitempty"`
	Evidence   []evidence `json:"evidence,omitempty"`
	LockID     string     `json:"lock_id,omitempty"`
	LockedAt   time.Time  `json:"locked_at,omitzero"`
	ExpiresAt  time.Time  `json:"expires_at,omitzero"`
}

type evidence struct {
	AttemptID string    `json:"attempt_id"`
	At        time.Time `json:"at"`
	SourceIP  string    `json:"source_ip"`
	UserAgent string    `json:"user_agent"`
}

// Apply runs one transition, and writes its audit entry with it. A refusal
// costs one read; what is applied is on the disk.
func (a *Attempts) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	seen, err := a.Read(ctx, key)
	if err != nil {
		return lockout.Result{}, err
	}
	if result := t.Apply(seen); result.Outcome != lockout.Applied {
		return result, nil
	}
	var result lockout.Result
	err = a.store.write(ctx, func(tx *bbolt.Tx) (changed bool, err error) {
		result, err = apply(tx, key, t)
		return result.Outcome == lockout.Applied, err
	})
	if err != nil {
		return lockout.Result{}, err
	}
	return result, nil
}

// apply runs the transition on what the transaction finds.
func apply(tx *bbolt.Tx, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	found, err := readRecord(tx, key)
	if err != nil {
		return lockout.Result{}, err
	}
	result := t.Apply(found)
	if result.Outcome != lockout.Applied {
		return result, nil
	}
	if result.Event != nil {
		if err := appendEntry(tx, audit.FromEvent(*result.Event)); err != nil {
			return lockout.Result{}, err
		}
	}
	if err := put(tx, attemptsBucket, key.String(), fromRecord(result.Record)); err != nil {
		return lockout.Result{}, err
	}
	return result, list(tx, key, found, result.Record)
}

// Read returns the record of a user, or the zero Record.
func (a *Attempts) Read(ctx context.Context, key lockout.Key) (found lockout.Record, err error) {
	err = a.store.view(ctx, func(tx *bbolt.Tx) (err error) {
		stored := tx.Bucket([]byte(attemptsBucket)).Get([]byte(key.String()))
		var known bool
		if found, known = a.decoded.find(key, stored); known {
			return nil
		}
		if found, err = toRecord(key, stored); err == nil && found.Locked() {
			a.decoded.keep(key, stored, found)
		}
		return err
	})
	return found, err
}

// SeesLocked reports whether the user is locked, by one read. One that fails is
// left to the charge. With SawLocked it is [lockout.Glance].
func (a *Attempts) SeesLocked(ctx context.Context, key lockout.Key) bool {
	found, err := a.Read(ctx, key)
	return err == nil && found.Locked()
}

// SawLocked does nothing: whoever is locked stands in the file.
func (a *Attempts) SawLocked(lockout.Key) {}

// ReadMany returns the records of many users as of one moment; the record of a
// user nobody has tried is the zero Record.
func (a *Attempts) ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]lockout.Record, error) {
	all := make(map[lockout.Key]lockout.Record, len(keys))
	err := a.store.view(ctx, func(tx *bbolt.Tx) error {
		for _, key := range keys {
			one, err := readRecord(tx, key)
			if err != nil {
				return err
			}
			all[key] = one
		}
		return nil
	})
	return all, err
}

func readRecord(tx *bbolt.Tx, key lockout.Key) (lockout.Record, error) {
	return toRecord(key, tx.Bucket([]byte(attemptsBucket)).Get([]byte(key.String())))
}

// toRecord decodes a record; nothing is the zero Record.
func toRecord(key lockout.Key, value []byte) (lockout.Record, error) {
	if value == nil {
		return lockout.Record{}, nil
	}
	var stored record
	err := decode(value, &stored)
	found := stored.toRecord()
	if err == nil {
		err = found.Check()
	}
	if err != nil {
		return lockout.Record{}, fmt.Errorf("%s %q: %w: %w", attemptsBucket, key, ErrDamaged, err)
	}
	return found, nil
}

func fromRecord(r lockout.Record) record {
	stored := record{
		Generation: r.Generation, Reclaims: r.Reclaims, InFlight: r.InFlight, Charged: r.Charged,
		ChargedAt: r.ChargedAt, Failed: r.Failed, LockID: r.LockID, LockedAt: r.LockedAt, ExpiresAt: r.ExpiresAt,
	}
	for _, e := range r.Evidence {
		stored.Evidence = append(stored.Evidence, evidence(e))
	}
	return stored
}

func (stored record) toRecord() lockout.Record {
	r := lockout.Record{
		Generation: stored.Generation, Reclaims: stored.Reclaims, InFlight: stored.InFlight, Charged: stored.Charged,
		ChargedAt: stored.ChargedAt, Failed: stored.Failed, LockID: stored.LockID, LockedAt: stored.LockedAt, ExpiresAt: stored.ExpiresAt,
	}
	for _, e := range stored.Evidence {
		r.Evidence = append(r.Evidence, lockout.Evidence(e))
	}
	return r
}

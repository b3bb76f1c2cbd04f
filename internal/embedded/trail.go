package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// Trail is the audit trail: entries are appended and read, never changed.
type Trail struct{ store *Store }

// entry is an audit.Entry as it is stored.
type entry struct {
	Client    string        `json:"client"`
	ID        string        `json:"id"`
	At        time.Time     `json:"at"`
	Action    audit.Action  `json:"action"`
	Actor     string        `json:"actor"`
	Username  string        `json:"username,omitempty"`
	SourceIP  string        `json:"source_ip,omitempty"`
	RequestID string        `json:"request_id,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	Details   audit.Details `json:"details"`
	ExpiresAt time.Time     `json:"expires_at,omitzero"`
}

// Append adds an entry. The same entry again changes nothing; another one under
// an id that is taken is a *lockout.ConflictError.
func (t *Trail) Append(ctx context.Context, e audit.Entry) error {
	var refusal error
	err := t.store.write(ctx, func(tx *bbolt.Tx) (bool, error) {
		refusal = nil
		err := appendEntry(tx, e)
		if errors.As(err, new(*lockout.ConflictError)) {
			refusal = err
			return false, nil
		}
		return true, err
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return fmt.Errorf("appending to audit trail: %w", err)
	}
	return nil
}

// appendEntry adds the entry to what the transaction writes.
func appendEntry(tx *bbolt.Tx, e audit.Entry) error {
	key := string(ofClient(e.Client)) + e.ID
	value, err := json.Marshal(entry(e))
	if err != nil {
		return fmt.Errorf("entry %q: %w", key, err)
	}
	b := tx.Bucket([]byte(auditBucket))
	switch there := b.Get([]byte(key)); {
	case there == nil:
		return b.Put([]byte(key), value)
	case !bytes.Equal(there, value):
		return &lockout.ConflictError{}
	}
	return nil
}

// Entries returns a client's entries, newest first, at most limit of them, and
// whether there are more. Those before an id are older than the entry with it;
// an empty id stands for the newest.
func (t *Trail) Entries(ctx context.Context, client, before string, limit int) ([]audit.Entry, bool, error) {
	listing := page[entry]{limit: limit}
	err := t.store.view(ctx, func(tx *bbolt.Tx) error {
		return listing.downwards(tx, auditBucket, client, before)
	})
	if err != nil {
		return nil, false, fmt.Errorf("reading audit trail: %w", err)
	}
	entries := make([]audit.Entry, 0, len(listing.items))
	for _, stored := range listing.items {
		entries = append(entries, audit.Entry(stored))
	}
	return entries, listing.more, nil
}

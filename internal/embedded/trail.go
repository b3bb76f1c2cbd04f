package embedded

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"portcullis/internal/audit"
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

// Append adds an entry. Adding one whose id is there already changes nothing:
// it is the same entry, sent twice.
func (t *Trail) Append(ctx context.Context, e audit.Entry) error {
	return t.store.write(ctx, func(tx *bbolt.Tx) (bool, error) {
		return true, appendEntry(tx, e)
	})
}

func appendEntry(tx *bbolt.Tx, e audit.Entry) error {
	key := string(ofClient(e.Client)) + e.ID
	if has(tx, auditBucket, key) {
		return nil
	}
	return put(tx, auditBucket, key, entry(e))
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

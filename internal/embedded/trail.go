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
	there, err := hasEntry(tx, e)
	if err != nil || there {
		return err
	}
	return put(tx, auditBucket, entryKey(e), entry(e))
}

// hasEntry reports whether the entry is there. Another one under its id is a
// *lockout.ConflictError.
func hasEntry(tx *bbolt.Tx, e audit.Entry) (bool, error) {
	key := entryKey(e)
	there := tx.Bucket([]byte(auditBucket)).Get([]byte(key))
	if there == nil {
		return false, nil
	}
	value, err := json.Marshal(entry(e))
	if err != nil {
		return false, fmt.Errorf("entry %q: %w", key, err)
	}
	if !bytes.Equal(there, value) {
		return false, &lockout.ConflictError{}
	}
	return true, nil
}

func entryKey(e audit.Entry) string { return string(ofClient(e.Client)) + e.ID }

// mostLooked bounds how many entries one read looks at: about as many as package
// audit reads of DynamoDB.
const mostLooked = 5000

// Entries returns the entries that are asked for, newest first, and the id to go
// on before, which is empty at the end. Where few of many match there may be
// fewer than the limit, even none, and more to come all the same.
func (t *Trail) Entries(ctx context.Context, q audit.Query) (entries []audit.Entry, next string, err error) {
	err = t.store.view(ctx, func(tx *bbolt.Tx) (err error) {
		entries, next, err = readEntries(tx, q)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("reading audit trail: %w", err)
	}
	return entries, next, nil
}

func readEntries(tx *bbolt.Tx, q audit.Query) (found []audit.Entry, next string, err error) {
	c, prefix := tx.Bucket([]byte(auditBucket)).Cursor(), ofClient(q.Client)
	looked, last := 0, ""
	for k, v := newest(c, prefix, q.Before); bytes.HasPrefix(k, prefix); k, v = c.Prev() {
		if looked++; looked > mostLooked {
			return found, last, nil
		}
		var stored entry
		if err := decode(v, &stored); err != nil {
			return nil, "", fmt.Errorf("%q: %w: %w", k, ErrDamaged, err)
		}
		last = stored.ID
		if q.Username != "" && q.Username != stored.Username || q.Action != "" && q.Action != stored.Action {
			continue
		}
		if len(found) == q.Limit {
			return found, found[q.Limit-1].ID, nil
		}
		found = append(found, audit.Entry(stored))
	}
	return found, "", nil
}

// newest moves to the last key of the client before the one with the id, or to
// the very last. What it returns may be another client's.
func newest(c *bbolt.Cursor, prefix []byte, before string) (key, value []byte) {
	end := append(bytes.Clone(prefix), before...)
	if before == "" {
		end[len(end)-1]++ // the first key after all of the client's
	}
	key, value = c.Seek(end)
	if key == nil {
		key, value = c.Last()
	}
	for key != nil && bytes.Compare(key, end) >= 0 {
		key, value = c.Prev()
	}
	return key, value
}

package embedded

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"portcullis/internal/lockout"
)

// listed reports whether a record is in the list of locked users. The locks of
// unknown users are not, or whoever invents names could fill it.
func listed(r lockout.Record) bool { return r.Locked() && r.ExpiresAt.IsZero() }

// list keeps the list of locked users as the transaction's record has it.
func list(tx *bbolt.Tx, key lockout.Key, before, after lockout.Record) error {
	b := tx.Bucket([]byte(lockedBucket))
	switch {
	case listed(before) == listed(after):
		return nil
	case listed(after):
		return b.Put([]byte(key.String()), []byte("{}"))
	}
	return b.Delete([]byte(key.String()))
}

// Locked returns up to limit usernames of a client's locked users, in the order
// of their bytes, beginning behind the name after ("" for the start), and
// whether there are more. Names that nobody has are never among them.
func (a *Attempts) Locked(ctx context.Context, client, after string, limit int) (usernames []string, more bool, err error) {
	prefix := ofClient(client)
	err = a.store.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(lockedBucket)).Cursor()
		from := append(bytes.Clone(prefix), after...)
		k, _ := c.Seek(from)
		if bytes.Equal(k, from) {
			k, _ = c.Next()
		}
		for ; bytes.HasPrefix(k, prefix) && !more; k, _ = c.Next() {
			if more = len(usernames) == limit; !more {
				usernames = append(usernames, string(k[len(prefix):]))
			}
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("listing locked users: %w", err)
	}
	return usernames, more, nil
}

// makeLockedList makes the list out of the records, for a folder that was
// written before there was one.
func makeLockedList(tx *bbolt.Tx) error {
	b, err := tx.CreateBucket([]byte(lockedBucket))
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(attemptsBucket)).ForEach(func(key, value []byte) error {
		var stored record
		if err := decode(value, &stored); err != nil {
			return fmt.Errorf("%s %q: %w: %w", attemptsBucket, key, ErrDamaged, err)
		}
		if !listed(stored.toRecord()) {
			return nil
		}
		return b.Put(key, []byte("{}"))
	})
}

package embedded

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	jsonv2 "github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"
)

// format is the version of the layout in the package comment.
const format = "1"

// The buckets, as the package comment describes them.
const (
	metaBucket     = "meta"
	attemptsBucket = "attempts"
	clientsBucket  = "clients"
	usersBucket    = "users"
	policiesBucket = "policies"
	auditBucket    = "audit"
	sessionsBucket = "sessions"
	lockedBucket   = "locked" // made of attempts, and so made anew where it is missing
)

func dataBuckets() []string {
	return []string{attemptsBucket, clientsBucket, usersBucket, policiesBucket, auditBucket, sessionsBucket}
}

// checkLayout reports whether the buckets are there. A file with some of them,
// of another format, or shorter than it says it is, is an error.
func checkLayout(tx *bbolt.Tx) (bool, error) {
	info, err := os.Stat(tx.DB().Path())
	if err != nil {
		return false, err
	}
	if info.Size() < tx.Size() {
		return false, fmt.Errorf("%w: %d bytes of %d are there", ErrDamaged, info.Size(), tx.Size())
	}
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		return false, checkEmpty(tx)
	}
	if got := meta.Get([]byte("format")); string(got) != format {
		return false, fmt.Errorf("its format is %q, and this program knows %q only", got, format)
	}
	for _, name := range dataBuckets() {
		if tx.Bucket([]byte(name)) == nil {
			return false, fmt.Errorf("%w: bucket %s is missing", ErrDamaged, name)
		}
	}
	return true, nil
}

// checkEmpty refuses a bbolt file that somebody else has written to.
func checkEmpty(tx *bbolt.Tx) error {
	if name, _ := tx.Cursor().First(); name != nil {
		return fmt.Errorf("%w: it has a bucket %q", ErrDamaged, name)
	}
	return nil
}

// checkKeys looks at every key once. bbolt keeps no checksums of its pages, and
// where a page is damaged it finds some keys no more: a lock would be no lock. So
// each key must come after the one before it and be found by itself. A value that
// is damaged is told when it is read, and is an outage of that one user, and of the
// pages of lists that they are on.
func checkKeys(tx *bbolt.Tx) error {
	return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		var last []byte
		finder, c := b.Cursor(), b.Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			found, _ := finder.Seek(k)
			if last != nil && bytes.Compare(last, k) >= 0 || !bytes.Equal(found, k) {
				return fmt.Errorf("%w: bucket %s is out of order at %.40q", ErrDamaged, name, k)
			}
			last = k
		}
		return nil
	})
}

func makeLayout(tx *bbolt.Tx) error {
	for _, name := range dataBuckets() {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	if err := makeLockedList(tx); err != nil {
		return err
	}
	meta, err := tx.CreateBucket([]byte(metaBucket))
	if err != nil {
		return err
	}
	return meta.Put([]byte("format"), []byte(format))
}

// decode reads a value. It is strict, as whoever wrote the value was: each name
// once, in UTF-8. A record takes it a fifth of the time of encoding/json, and a
// locked user's refusal is little else.
func decode(value []byte, v any) error { return jsonv2.Unmarshal(value, v) }

// get decodes the value of a key into v, and reports whether it is there.
func get(tx *bbolt.Tx, bucket, key string, v any) (bool, error) {
	value := tx.Bucket([]byte(bucket)).Get([]byte(key))
	if value == nil {
		return false, nil
	}
	if err := decode(value, v); err != nil {
		return false, fmt.Errorf("%s %q: %w: %w", bucket, key, ErrDamaged, err)
	}
	return true, nil
}

// has reports whether the key is there, and looks at nothing else.
func has(tx *bbolt.Tx, bucket, key string) bool {
	return tx.Bucket([]byte(bucket)).Get([]byte(key)) != nil
}

func put(tx *bbolt.Tx, bucket, key string, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s %q: %w", bucket, key, err)
	}
	return tx.Bucket([]byte(bucket)).Put([]byte(key), value)
}

// page is the part of a listing that fits.
type page[T any] struct {
	items []T
	limit int
	more  bool
}

// add takes one more value, and reports whether the listing goes on.
func (p *page[T]) add(key, value []byte) (bool, error) {
	if len(p.items) == p.limit {
		p.more = true
		return false, nil
	}
	var item T
	if err := decode(value, &item); err != nil {
		return false, fmt.Errorf("%q: %w: %w", key, ErrDamaged, err)
	}
	p.items = append(p.items, item)
	return true, nil
}

// ofClient returns what the keys of a client begin with.
func ofClient(client string) []byte { return []byte(client + "/") }

// upwards fills the page with a client's values in the order of their keys,
// from the first key after the given one.
func (p *page[T]) upwards(tx *bbolt.Tx, bucket, client, after string) error {
	prefix := ofClient(client)
	from := append(bytes.Clone(prefix), after...)
	c := tx.Bucket([]byte(bucket)).Cursor()
	k, v := c.Seek(from)
	if after != "" && bytes.Equal(k, from) {
		k, v = c.Next()
	}
	for ; bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if on, err := p.add(k, v); !on {
			return err
		}
	}
	return nil
}

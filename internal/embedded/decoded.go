package embedded

import (
	"bytes"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"portcullis/internal/lockout"
)

// mostDecoded is how many records of locked users are kept decoded, 20 KB each at
// the very most: more users than anybody hammers at in one moment.
const mostDecoded = 256

// A decodedRecords keeps records of locked users beside the bytes that they were
// decoded from. Whoever hammers at a locked user makes the same record be read again
// and again; while its bytes are the same, so is what they say. It is safe for
// concurrent use: nobody writes to a Record's slices.
type decodedRecords struct {
	mu   sync.Mutex
	kept *simplelru.LRU[lockout.Key, decodedRecord]
}

type decodedRecord struct {
	stored []byte
	record lockout.Record
}

func newDecodedRecords() *decodedRecords {
	kept, err := simplelru.NewLRU[lockout.Key, decodedRecord](mostDecoded, nil)
	if err != nil {
		panic(err) // the one error there is says that the size is not positive
	}
	return &decodedRecords{kept: kept}
}

// find returns what the bytes say, if they were decoded before.
func (d *decodedRecords) find(key lockout.Key, stored []byte) (lockout.Record, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one, ok := d.kept.Get(key)
	return one.record, ok && bytes.Equal(one.stored, stored)
}

// keep remembers what the bytes say. They belong to a transaction, and are copied.
func (d *decodedRecords) keep(key lockout.Key, stored []byte, record lockout.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept.Add(key, decodedRecord{bytes.Clone(stored), record})
}

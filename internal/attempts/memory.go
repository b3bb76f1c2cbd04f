package attempts

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"portcullis/internal/lockout"
)

// How many users a process remembers to be locked, and for how long after it last
// found them so. A guesser comes back within seconds, or does not matter. A
// thousand keys take some 200 KB.
const (
	mostRemembered = 1024
	rememberedFor  = 30 * time.Second
)

// A Memory is [lockout.Glance] in one process, beside a Store: it remembers who was
// found locked, and asks for them by an eventually consistent read. That costs half
// a read unit where a refused charge costs two write units, and a partition answers
// twelve times as many of them, so whoever hammers at one locked user is turned away
// without filling the partition that the user's unlock goes to. What such a read
// misses is less than a second old, as a rule: AWS, "Read consistency" in the
// DynamoDB Developer Guide. It is safe for concurrent use.
type Memory struct {
	store *Store
	now   func() time.Time

	mu   sync.Mutex
	seen *simplelru.LRU[lockout.Key, time.Time]
}

// NewMemory returns an empty memory.
func NewMemory(store *Store, now func() time.Time) *Memory {
	seen, err := simplelru.NewLRU[lockout.Key, time.Time](mostRemembered, nil)
	if err != nil {
		panic(err) // the one error there is says that the size is not positive
	}
	return &Memory{store: store, now: now, seen: seen}
}

// SeesLocked reads the record of a user whom the memory holds. A record that is open,
// and one that cannot be read, is left to the charge.
func (m *Memory) SeesLocked(ctx context.Context, key lockout.Key) bool {
	if !m.holds(key) {
		return false
	}
	record, err := m.store.get(ctx, key, false)
	switch {
	case err != nil:
		return false
	case !record.Locked():
		m.forget(key)
		return false
	}
	m.SawLocked(key)
	return true
}

// SawLocked remembers a user from now on.
func (m *Memory) SawLocked(key lockout.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen.Add(key, m.now())
}

func (m *Memory) holds(key lockout.Key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.seen.Get(key)
	return ok && m.now().Sub(at) < rememberedFor
}

func (m *Memory) forget(key lockout.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen.Remove(key)
}

package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// ErrInUse says that another process holds the data folder.
var ErrInUse = errors.New("in use by another process")

// ErrDamaged says that a file of the data folder is not what this package
// wrote: it is cut off, overwritten or somebody else's.
var ErrDamaged = errors.New("damaged, or not Portcullis's")

// errClosed says that the store was closed.
var errClosed = fmt.Errorf("the store is closed: %w", lockout.ErrUnavailable)

// lockTime is how long bbolt waits for the file's lock; anything under its own
// interval of 50 ms means one try.
const lockTime = time.Millisecond

// Options are what a store takes from outside.
type Options struct {
	Hasher *users.Hasher
	Now    func() time.Time
	NewID  func() string // ULIDs, as in lockout.Gate
}

// A Store is an open data folder. Its parts are safe for concurrent use.
type Store struct {
	Attempts *Attempts
	Users    *Users
	Policies *Policies
	Trail    *Trail
	Tokens   *Tokens

	db     *bbolt.DB
	writer writer
	// onDisk is the latest transaction known to be on the disk, and syncing
	// is held while a later one is being put there: bbolt shows a transaction
	// to readers a moment before it is.
	onDisk  atomic.Int64
	syncing sync.RWMutex
	// background ends with the store.
	background     sync.WaitGroup
	stopBackground context.CancelFunc
}

// Open opens the data folder, and creates it when there is none. The error is
// [ErrInUse] at once when another process has it open, [ErrDamaged] when a
// file is not as this package wrote it, and names the file and what to do when
// its permissions let others in. The caller closes the store.
func Open(dir string, o Options) (*Store, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "portcullis.db")
	err := checkPrivate(file, 0o600)
	isNew := errors.Is(err, os.ErrNotExist)
	if err != nil && !isNew {
		return nil, err
	}
	db, err := openFile(file)
	if err != nil && isNew && !errors.Is(err, ErrInUse) {
		_ = os.Remove(file) // half of a file that there was no room for would be taken for a damaged one
	}
	if errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("data folder %s: %w; put back a copy of the folder, or begin anew with an empty one", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", dir, err)
	}
	key, err := openSigningKey(filepath.Join(dir, "signing-key.pem"))
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return start(db, key, o), nil
}

// start puts the parts together and starts the goroutines of an open file.
func start(db *bbolt.DB, key *signingKey, o Options) *Store {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Store{db: db, stopBackground: cancel}
	s.onDisk.Store(latest(db))
	s.Attempts = &Attempts{store: s, decoded: newDecodedRecords()}
	s.Users = &Users{store: s, hasher: o.Hasher}
	s.Policies = &Policies{store: s, now: o.Now}
	s.Trail = &Trail{store: s}
	s.Tokens = &Tokens{store: s, key: key, now: o.Now, newID: o.NewID}
	s.writer = newWriter(s)
	s.background.Go(s.writer.run)
	s.background.Go(func() { s.keepSwept(ctx, o.Now) })
	return s
}

// latest returns the number of the latest transaction.
func latest(db *bbolt.DB) (id int64) {
	_ = db.View(func(tx *bbolt.Tx) error { id = int64(tx.ID()); return nil })
	return id
}

// Close waits for the writes that are under way and lets the folder go. Calls
// that come later get an error. It may be called once.
func (s *Store) Close() error {
	s.stopBackground()
	close(s.writer.quit)
	s.background.Wait()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// Check returns an error if the store does not answer.
func (s *Store) Check(ctx context.Context) error {
	return s.view(ctx, func(tx *bbolt.Tx) error { return nil })
}

// openFile opens the bbolt file and makes its buckets. A fault of bbolt on a
// file that is damaged (it panics, or the memory map faults) becomes an error.
func openFile(file string) (db *bbolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			db, err = nil, fmt.Errorf("%s is %w: %v", filepath.Base(file), ErrDamaged, fault)
		}
	}()
	db, err = bbolt.Open(file, 0o600, &bbolt.Options{Timeout: lockTime, FreelistType: bbolt.FreelistMapType})
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, ErrInUse
	case errors.As(err, new(syscall.Errno)): // the machine's: no right, no room, a disk that is read-only
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%s is %w: %w", filepath.Base(file), ErrDamaged, err)
	}
	if err := prepare(db); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return db, nil
}

// prepare makes the buckets, or checks that they are ours.
func prepare(db *bbolt.DB) error {
	var present, hasLocked bool
	err := db.View(func(tx *bbolt.Tx) (err error) {
		hasLocked = tx.Bucket([]byte(lockedBucket)) != nil
		if present, err = checkLayout(tx); err != nil {
			return err
		}
		return checkKeys(tx)
	})
	switch {
	case err != nil:
		return err
	case present && !hasLocked:
		return db.Update(makeLockedList)
	case present:
		// What a killed process left may be in the page cache only.
		return db.Sync()
	}
	return db.Update(makeLayout)
}

package embedded

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"portcullis/internal/lockout"
)

// mostTogether bounds how many commands share one commit, so that the first
// of them does not wait long for the last. A command takes some 20
// microseconds, a commit a quarter of a millisecond and more.
const mostTogether = 256

// A command is one write. Its change reports whether it changed anything; it
// may run more than once, each time on a fresh transaction, so it sets anew
// whatever it leaves for its caller, and an error from it means that none of
// what it did may stay.
type command struct {
	ctx    context.Context
	change func(*bbolt.Tx) (bool, error)
	done   chan error // buffered: the writer waits for nobody
}

// A writer is the one goroutine that writes.
type writer struct {
	store *Store
	queue chan command
	quit  chan struct{}
}

func newWriter(s *Store) writer {
	return writer{store: s, queue: make(chan command), quit: make(chan struct{})}
}

// write runs the change in a write transaction, together with whatever else is
// waiting, and returns once it is on the disk. When ctx ends first, whether the
// change was made is unknown. What the change leaves for its caller may be read
// only when there is no error: otherwise it may still be running.
func (s *Store) write(ctx context.Context, change func(*bbolt.Tx) (bool, error)) error {
	c := command{ctx: ctx, change: change, done: make(chan error, 1)}
	select {
	case s.writer.queue <- c:
	case <-s.writer.quit:
		return errClosed
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
	select {
	case err := <-c.done:
		return unavailable(err)
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// view runs the function in a read transaction, and returns once everything
// that it has seen is on the disk.
func (s *Store) view(ctx context.Context, look func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	var seen int64
	err := s.db.View(func(tx *bbolt.Tx) error {
		seen = int64(tx.ID())
		return guard(func() error { return look(tx) })
	})
	if err == nil && seen > s.onDisk.Load() {
		err = s.awaitDisk(seen)
	}
	return unavailable(err)
}

// awaitDisk waits for the commit that is under way.
func (s *Store) awaitDisk(transaction int64) error {
	s.syncing.RLock()
	defer s.syncing.RUnlock()
	if transaction > s.onDisk.Load() {
		return errors.New("the last commit did not reach the disk")
	}
	return nil
}

// run commits what is in the queue until the store is closed. Whoever got into
// the queue is answered.
func (w *writer) run() {
	for {
		select {
		case first := <-w.queue:
			w.commit(w.gather(first))
		case <-w.quit:
			return
		}
	}
}

// gather returns the commands that are waiting now, without those whose
// callers have left.
func (w *writer) gather(next command) []command {
	var batch []command
	for {
		if err := next.ctx.Err(); err != nil {
			next.done <- err
		} else {
			batch = append(batch, next)
		}
		if len(batch) == mostTogether {
			return batch
		}
		select {
		case next = <-w.queue:
		default:
			return batch
		}
	}
}

// commit makes the changes of a batch in one transaction and answers them. A
// command that fails is taken out and answered alone; the others start over.
func (w *writer) commit(batch []command) {
	for len(batch) > 0 {
		failed, err := w.try(batch)
		if failed < 0 {
			for _, c := range batch {
				c.done <- err
			}
			return
		}
		batch[failed].done <- err
		batch = slices.Delete(batch, failed, failed+1)
	}
}

// try makes one transaction of the batch. It returns the command that failed,
// or -1 and what became of the transaction.
func (w *writer) try(batch []command) (failed int, err error) {
	tx, err := w.store.db.Begin(true)
	if err != nil {
		return -1, err
	}
	defer tx.Rollback() // does nothing after a commit
	changed := false
	for i, c := range batch {
		var did bool
		err := guard(func() (err error) { did, err = c.change(tx); return err })
		if err != nil {
			return i, err
		}
		changed = changed || did
	}
	if !changed {
		return -1, nil
	}
	return -1, w.store.sync(tx)
}

// sync commits the transaction to the disk.
func (s *Store) sync(tx *bbolt.Tx) error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	id := int64(tx.ID())
	if err := guard(tx.Commit); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	s.onDisk.Store(id)
	return nil
}

// guard turns a panic of bbolt, which it raises on a file that was damaged
// under it, into an error.
func guard(do func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, fault)
		}
	}()
	return do()
}

// unavailable marks an error as an outage, as the interfaces ask.
func unavailable(err error) error {
	if err == nil || errors.Is(err, lockout.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("data folder: %w: %w", lockout.ErrUnavailable, err)
}

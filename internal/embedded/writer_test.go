package embedded_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// leaving is the context of a caller who leaves as soon as the writer has taken
// their command: the writer is the first to ask for its error.
type leaving struct {
	context.Context
	once sync.Once
	left chan struct{}
}

func newLeaving() *leaving {
	return &leaving{Context: context.Background(), left: make(chan struct{})}
}

func (c *leaving) Done() <-chan struct{} { return c.left }

func (c *leaving) Err() (err error) {
	err = context.Canceled
	c.once.Do(func() {
		close(c.left)
		err = nil
	})
	return err
}

// leavingRounds is enough for a caller to leave before the writer is done.
const leavingRounds = 20

// A change that is refused leaves a note for its caller, who must not look at
// it after leaving: the race detector sees if they do.
func TestACallerWhoLeavesReadsNothingThatTheWriterWrites(t *testing.T) {
	s := fresh(t)
	first := audit.Entry{Client: "acme", ID: "1", At: at(), Action: audit.PolicyChanged, Actor: "acme/root"}
	if err := s.Trail.Append(context.Background(), first); err != nil {
		t.Fatal(err)
	}
	another, stale := first, int64(9)
	another.Reason = "another"
	for name, change := range map[string]func(context.Context) error{
		"an entry": func(ctx context.Context) error { return s.Trail.Append(ctx, another) },
		"a policy": func(ctx context.Context) error {
			_, err := s.Policies.Set(ctx, "acme", 3, &stale, "acme/root")
			return err
		},
	} {
		left := 0
		for range leavingRounds {
			err := change(newLeaving())
			refused, gone := errors.As(err, new(*lockout.ConflictError)), errors.Is(err, lockout.ErrUnavailable)
			if refused == gone {
				t.Errorf("%s: got %v, want either ErrUnavailable or a ConflictError", name, err)
			}
			if gone {
				left++
			}
		}
		if left == 0 {
			t.Errorf("%s: no caller left before the writer was done", name)
		}
	}
}

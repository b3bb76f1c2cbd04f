package directory_test

import (
	"context"
	"errors"
	"testing"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/directory"
	"portcullis/internal/lockout"
)

// A slowMint has something happen between the last look at a user and the write
// that follows it.
type slowMint struct {
	directory.Tokens
	meanwhile func()
}

func (m *slowMint) Enrol(ctx context.Context, user access.User) error {
	m.wait()
	return m.Tokens.Enrol(ctx, user)
}

func (m *slowMint) Remove(ctx context.Context, user access.User) error {
	m.wait()
	return m.Tokens.Remove(ctx, user)
}

// wait does what is to happen, once.
func (m *slowMint) wait() {
	if do := m.meanwhile; do != nil {
		m.meanwhile = nil
		do()
	}
}

// TestWhoeverWritesToTheMintLastHasSeenTheLastUser has one act, held before it
// writes to the mint, overtaken by others from beginning to end.
func TestWhoeverWritesToTheMintLastHasSeenTheLastUser(t *testing.T) {
	type act = func(ctx context.Context, w *world) error
	tests := []struct {
		name      string
		prepare   func(t *testing.T, w *world)
		held      act
		overtaken []act
	}{
		{"a creation by a deletion", anaIsNobody, createAna, []act{deleteAna}},
		{"a creation by another role", anaIsNobody, createAna, []act{promoteAna}},
		{"a creation by another user of the name and role", anaIsNobody, createAna, []act{deleteAna, createAna}},
		{"a change of role by another one", anaIsThere, promoteAna, []act{makeAnaSysadmin}},
		{"a change of role by a deletion", anaIsThere, promoteAna, []act{deleteAna}},
		{"a deletion by another user of the name", anaIsThere, deleteAna, []act{createAnaAnew}},
	}
	inEveryWorld(t, func(t *testing.T, open func(t *testing.T) *world) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				w := open(t)
				test.prepare(t, w)
				was := w.stored(t, "ana.silva")
				w.Tokens = &slowMint{w.Tokens, func() {
					was = append(was, w.stored(t, "ana.silva")...)
					for _, act := range test.overtaken {
						if err := act(t.Context(), w); err != nil {
							t.Error(err)
						}
					}
				}}
				if err := test.held(t.Context(), w); err != nil {
					t.Error(err)
				}
				w.agrees(t, "ana.silva", was...)
			})
		}
	})
}

// TestAligningEnds has the user change before every write to the mint.
func TestAligningEnds(t *testing.T) {
	w := newWorld(t)
	anaIsThere(t, w)
	slow, writes := &slowMint{Tokens: w.Tokens}, 0
	w.Tokens = slow
	var again func()
	again = func() {
		writes++
		before, after := w.user(t, "ana.silva"), w.user(t, "ana.silva")
		if after.Role = access.Manager; before.Role == access.Manager {
			after.Role = access.ITUser
		}
		if err := w.people.Update(t.Context(), before, after, audit.Entry{Client: w.client, ID: w.NewID(), At: w.clock.Now(), Action: audit.UserUpdated, Username: after.Username}); err != nil {
			t.Error(err)
		}
		slow.meanwhile = again
	}
	slow.meanwhile = again
	if err := promoteAna(t.Context(), w); !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, lockout.ErrUnavailable)
	}
	if writes < 2 || writes > 10 {
		t.Errorf("wrote to the mint %d times, want a few", writes)
	}
}

package embedded

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"portcullis/internal/access"
)

// mostSearched bounds how many users one List looks at when it looks for some,
// as its sibling on DynamoDB does by the megabyte.
const mostSearched = 8000

// List returns the users of a client that a listing is of, by username, the
// bytes compared, and the username to go on behind, "" at the end. Where few are
// found among many, there may be fewer than the limit, or none, and more to come
// all the same.
func (u *Users) List(ctx context.Context, l access.Listing) (users []access.User, next string, err error) {
	read := page[profile]{limit: l.Limit}
	if l.Role != "" || l.Text != "" {
		read.limit = mostSearched
	}
	err = u.store.view(ctx, func(tx *bbolt.Tx) error {
		return read.upwards(tx, usersBucket, l.Client, l.After)
	})
	if err != nil {
		return nil, "", fmt.Errorf("listing users: %w", err)
	}
	for i, stored := range read.items {
		user := stored.user()
		if !l.Of(user) {
			continue
		}
		users = append(users, user)
		if len(users) == l.Limit {
			return users, goOn(stored, read.more || i < len(read.items)-1), nil
		}
	}
	if len(read.items) == 0 {
		return nil, "", nil
	}
	return users, goOn(read.items[len(read.items)-1], read.more), nil
}

// goOn returns the username of the last user who was looked at, if there are
// more behind.
func goOn(last profile, more bool) string {
	if !more {
		return ""
	}
	return last.Username
}

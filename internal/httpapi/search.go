package httpapi

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// How far one request reads for users who match: with few among many, a page
// ends after this many have been looked at, perhaps with none on it, and its
// cursor goes on from there.
const (
	searchPage  = 100 // DynamoDB's bound on the keys of a BatchGetItem
	searchPages = 10
)

// maxSearchText bounds q, in bytes: the longest username.
const maxSearchText = 256

// A search is what is asked of a list of users.
type search struct {
	client string
	key    KeyFunc
	after  string // a username; empty for the beginning
	limit  int
	locked *bool       // nil for either
	role   access.Role // empty for any
	text   string      // in lower case; empty for anything
}

// A found user comes with their attempts.
type found struct {
	user   access.User
	record lockout.Record
}

// searchOf reads the parameters of a list.
func searchOf(query map[string]string, client string, key KeyFunc) (search, error) {
	limit, faults := limitOf(query)
	after, more := afterOf(query, client, key)
	faults = append(faults, more...)
	s := search{client: client, key: key, after: after, limit: limit, role: access.Role(query["role"])}
	if _, given := query["role"]; given && !s.role.Valid() {
		faults = append(faults, fault{"role", "must be one of " + roleNames()})
	}
	if given, ok := query["locked"]; ok {
		locked, err := strconv.ParseBool(given)
		if err != nil || given != strconv.FormatBool(locked) {
			faults = append(faults, fault{"locked", "must be true or false"})
		}
		s.locked = &locked
	}
	if given, ok := query["q"]; ok {
		faults = append(faults, text{given, true}.line("q", maxSearchText)...)
		s.text = strings.ToLower(given)
	}
	return s, invalid(faults)
}

// roleNames lists the roles, with commas.
func roleNames() string {
	var names []string
	for _, role := range access.Roles() {
		names = append(names, string(role))
	}
	return strings.Join(names, ", ")
}

// matches reports whether the user is one that is looked for.
func (s search) matches(f found) bool {
	return (s.role == "" || s.role == f.user.Role) &&
		(s.locked == nil || *s.locked == f.record.Locked()) &&
		slices.ContainsFunc([]string{f.user.Username, f.user.Name, f.user.Email}, func(field string) bool {
			return strings.Contains(strings.ToLower(field), s.text)
		})
}

// run returns the users of one page, and the username after which the next
// page begins, which is empty after the last.
func (s search) run(ctx context.Context, users UserLister, attempts RecordReader) ([]found, string, error) {
	var page []found
	for range searchPages {
		rows, more, err := s.read(ctx, users, attempts)
		if err != nil {
			return nil, "", err
		}
		for i, row := range rows {
			s.after = row.user.Username
			if s.matches(row) {
				page = append(page, row)
			}
			if len(page) == s.limit {
				return page, s.goOn(more || i < len(rows)-1), nil
			}
		}
		if !more {
			return page, "", nil
		}
	}
	return page, s.after, nil
}

func (s search) goOn(more bool) string {
	if !more {
		return ""
	}
	return s.after
}

// read returns the next users with their attempts.
func (s search) read(ctx context.Context, users UserLister, attempts RecordReader) ([]found, bool, error) {
	size := s.limit
	if s.filters() {
		size = searchPage
	}
	list, next, err := users.List(ctx, access.Listing{Client: s.client, After: s.after, Limit: size})
	if err != nil {
		return nil, false, fmt.Errorf("listing users: %w", err)
	}
	keys := make([]lockout.Key, len(list))
	for i, user := range list {
		if keys[i], err = s.key(user.Client, user.Username); err != nil {
			return nil, false, fmt.Errorf("stored user %q: %w", user.Username, err)
		}
	}
	records, err := attempts.ReadMany(ctx, keys)
	if err != nil {
		return nil, false, fmt.Errorf("reading attempts: %w", err)
	}
	rows := make([]found, len(list))
	for i, user := range list {
		rows[i] = found{user, records[keys[i]]}
	}
	return rows, next != "", nil
}

func (s search) filters() bool { return s.locked != nil || s.role != "" || s.text != "" }

package httpapi

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// maxRounds is how often one request reads on to fill a page out of which some
// users fell. A page that is not full then has a cursor all the same.
const maxRounds = 2

// lockedRound is how many locked users are looked at in a round that looks for
// some of them: as many as one BatchGetItem of DynamoDB reads.
const lockedRound = 100

// maxSearchText bounds q, in bytes: the longest username.
const maxSearchText = 256

// A search is what is asked of a list of users. Roles and texts are looked for
// by the store of users; who is locked is in the records of attempts.
type search struct {
	access.Listing
	key    KeyFunc
	locked *bool // nil for either
}

// A found user comes with their attempts.
type found struct {
	user   access.User
	record lockout.Record
}

// searchOf reads the parameters of a list. What is looked for is spelled in
// Unicode's form NFC, as names are stored.
func searchOf(query map[string]string, client string, key KeyFunc) (search, error) {
	limit, faults := limitOf(query)
	s := search{
		Listing: access.Listing{Client: client, Limit: limit, Role: access.Role(query["role"]), Text: norm.NFC.String(query["q"])},
		key:     key,
	}
	if _, given := query["role"]; given && !s.Role.Valid() {
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

// filters reports whether only some of the users are looked for, whatever their
// locks.
func (s search) filters() bool { return s.Role != "" || s.Text != "" }

// run returns the users of one page, and the username after which the next page
// begins, which is empty after the last. Those who are locked are found through
// the list of them, since they are few; those who are not are nearly everybody,
// so the others are left out of the list of all.
func (s search) run(ctx context.Context, users UserLister, attempts RecordLister) ([]found, string, error) {
	round, rounds := search.readUsers, maxRounds
	switch {
	case s.locked != nil && *s.locked:
		round = search.readLocked
	case s.locked == nil || s.filters(): // the store of users has read as far as one request may
		rounds = 1
	}
	var page []found
	for {
		rows, next, err := round(s, ctx, users, attempts)
		if err != nil {
			return nil, "", err
		}
		page = append(page, rows...)
		s.After, s.Limit, rounds = next, s.Limit-len(rows), rounds-1
		if next == "" || s.Limit == 0 || rounds == 0 {
			return page, next, nil
		}
	}
}

// readUsers reads one round of a listing, without those who are locked where
// only the others are asked for.
func (s search) readUsers(ctx context.Context, users UserLister, attempts RecordLister) ([]found, string, error) {
	list, next, err := users.List(ctx, s.Listing)
	if err != nil {
		return nil, "", fmt.Errorf("listing users: %w", err)
	}
	keys := make([]lockout.Key, len(list))
	for i, user := range list {
		if keys[i], err = s.key(user.Client, user.Username); err != nil {
			return nil, "", fmt.Errorf("stored user %q: %w", user.Username, err)
		}
	}
	records, err := attempts.ReadMany(ctx, keys)
	if err != nil {
		return nil, "", fmt.Errorf("reading attempts: %w", err)
	}
	var rows []found
	for i, user := range list {
		record := records[keys[i]]
		if s.locked == nil || *s.locked == record.Locked() {
			rows = append(rows, found{user, record})
		}
	}
	return rows, next, nil
}

// readLocked reads one round of the list of locked users. That list may lag
// behind, so each row is judged by the user and the record as they are.
func (s search) readLocked(ctx context.Context, users UserLister, attempts RecordLister) ([]found, string, error) {
	size := s.Limit
	if s.filters() {
		size = lockedRound
	}
	names, more, err := attempts.Locked(ctx, s.Client, s.After, size)
	if err != nil {
		return nil, "", fmt.Errorf("listing locked users: %w", err)
	}
	candidates, err := s.readNamed(ctx, names, users, attempts)
	if err != nil {
		return nil, "", err
	}
	var rows []found
	for i, name := range names {
		row, there := candidates[name]
		if !there || !row.record.Locked() || !s.Of(row.user) {
			continue
		}
		if rows = append(rows, row); len(rows) == s.Limit {
			return rows, goOn(name, more || i < len(names)-1), nil
		}
	}
	if len(names) == 0 {
		return nil, "", nil
	}
	return rows, goOn(names[len(names)-1], more), nil
}

// goOn returns the name to go on behind, if there are more.
func goOn(last string, more bool) string {
	if !more {
		return ""
	}
	return last
}

// readNamed reads the users of these names, and their records. Nobody has a name
// that makes no key.
func (s search) readNamed(
	ctx context.Context, names []string, users UserLister, attempts RecordLister,
) (map[string]found, error) {
	var keys []lockout.Key
	for _, name := range names {
		if key, err := s.key(s.Client, name); err == nil {
			keys = append(keys, key)
		}
	}
	people, err := users.ReadMany(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("reading users: %w", err)
	}
	records, err := attempts.ReadMany(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("reading attempts: %w", err)
	}
	rows := map[string]found{}
	for key, user := range people {
		rows[key.Username()] = found{user, records[key]}
	}
	return rows, nil
}

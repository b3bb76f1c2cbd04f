package users

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// Every change writes its audit entry with it, both or neither. One that finds
// its own entry in the trail was made before, by a request whose answer was
// lost, and is no conflict.

// CreateClient makes a client. The error is a [lockout.ConflictError] if it is
// there, and [ErrInvalidClient] if the name is malformed.
func (s *Store) CreateClient(ctx context.Context, client string, at time.Time, entry audit.Entry) error {
	err := CheckClient(client)
	if err == nil {
		made := keyOf(client, clientItem)
		made[attrCreatedAt] = timeValue(at)
		err = s.transact(ctx, entry, s.put(made))
	}
	if err != nil {
		return fmt.Errorf("creating client: %w", err)
	}
	return nil
}

// Create makes a user with the password hash phc, whose sessions begin as they
// do. The error is a [lockout.ConflictError] if there is such a user, and
// [ErrInvalidClient] or [ErrInvalidUsername] if the name is not canonical. Of a
// Sysadmin it is [lockout.ErrNotFound] if there is no such client; of the others
// nobody asks.
func (s *Store) Create(ctx context.Context, user access.User, phc string, entry audit.Entry) error {
	_, err := StoredKey(user)
	if err == nil {
		err = s.transact(ctx, entry, s.put(writeUser(user, phc)), s.turn(user, "", user.Role)...)
	}
	if err != nil {
		return fmt.Errorf("creating user: %w", err)
	}
	return nil
}

// Update changes the role, the name, the email address and the mark of the
// sessions of a user to those of after; the rest stays. The error is a
// [lockout.ConflictError] if the user is not there or not as before, and
// [access.ErrLastSysadmin] if the client would be left without one.
func (s *Store) Update(ctx context.Context, before, after access.User, entry audit.Entry) error {
	after.Client, after.Username = before.Client, before.Username
	err := s.transact(ctx, entry, s.update(before, writeProfile(after)), s.turn(before, before.Role, after.Role)...)
	if err != nil {
		return fmt.Errorf("updating user: %w", err)
	}
	return nil
}

// SetPassword puts the hash phc in the place of the user's, and moves the mark
// of the sessions. The error is a [lockout.ConflictError] if the user is not
// there or not as before.
func (s *Store) SetPassword(ctx context.Context, before access.User, phc string, since time.Time, entry audit.Entry) error {
	set := item{attrPasswordHash: textValue(phc), attrSessionsSince: timeValue(since)}
	if err := s.transact(ctx, entry, s.update(before, set)); err != nil {
		return fmt.Errorf("setting password: %w", err)
	}
	return nil
}

// Delete takes a user out. The error is a [lockout.ConflictError] if the user is
// not there or not as before, and [access.ErrLastSysadmin] if the client would
// be left without one.
func (s *Store) Delete(ctx context.Context, before access.User, entry audit.Entry) error {
	if err := s.transact(ctx, entry, s.remove(before), s.turn(before, before.Role, "")...); err != nil {
		return fmt.Errorf("deleting user: %w", err)
	}
	return nil
}

// put writes an item that must not be there.
func (s *Store) put(made item) write {
	return write{
		TransactWriteItem: types.TransactWriteItem{Put: &types.Put{
			TableName: &s.table, Item: made,
			ConditionExpression:      aws.String("attribute_not_exists(#username)"),
			ExpressionAttributeNames: map[string]string{"#username": attrUsername},
		}},
		refusal: &lockout.ConflictError{},
	}
}

// update sets attributes of a user who must be as before. A refusal does not
// ask for the item: it has the password hash.
func (s *Store) update(before access.User, set item) write {
	names, values := map[string]string{}, item{}
	var effects []string
	for _, attribute := range slices.Sorted(maps.Keys(set)) {
		names["#"+attribute], values[":new_"+attribute] = attribute, set[attribute]
		effects = append(effects, "#"+attribute+" = :new_"+attribute)
	}
	return write{
		TransactWriteItem: types.TransactWriteItem{Update: &types.Update{
			TableName: &s.table, Key: keyOf(before.Client, before.Username),
			UpdateExpression:         aws.String("SET " + strings.Join(effects, ", ")),
			ConditionExpression:      aws.String(asBefore(before, names, values)),
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		}},
		refusal: &lockout.ConflictError{},
	}
}

// remove takes out a user who must be as before.
func (s *Store) remove(before access.User) write {
	names, values := map[string]string{}, item{}
	return write{
		TransactWriteItem: types.TransactWriteItem{Delete: &types.Delete{
			TableName: &s.table, Key: keyOf(before.Client, before.Username),
			ConditionExpression:      aws.String(asBefore(before, names, values)),
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		}},
		refusal: &lockout.ConflictError{},
	}
}

// asBefore returns the condition that a user is still as they were read, and
// adds what it needs to the names and values. A password that was set meanwhile
// shows in the mark of the sessions.
func asBefore(before access.User, names map[string]string, values item) string {
	was := writeProfile(before)
	delete(was, attrSearch) // follows from the rest
	was[attrCreatedAt] = timeValue(before.CreatedAt)
	var conditions []string
	for _, attribute := range slices.Sorted(maps.Keys(was)) {
		names["#"+attribute], values[":"+attribute] = attribute, was[attribute]
		conditions = append(conditions, "#"+attribute+" = :"+attribute)
	}
	return strings.Join(conditions, " AND ")
}

package httpapi

import (
	"context"
	"errors"
	"fmt"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// The bounds of what is said about a user, in bytes. They only keep nonsense
// out: the directory has the rules, in characters.
const (
	maxName  = 512 // 128 characters of four bytes
	maxEmail = 254 // RFC 3696, erratum 1690
)

// errTaken is the conflict of a user who is there already.
var errTaken = &detailedError{"There is a user of this name already.", errConflict}

// CreateUser answers POST /clients/{client}/users.
//
// Creating a user forgets the attempts on their name, so one whose attempts
// cannot be read is shown without any: a caller who got 503 for a user who was
// created would find the name taken.
func CreateUser(e Edge, directory Directory, attempts RecordReader, maximums lockout.Maximums) Handler {
	p := endpoint{route: "POST /clients/{client}/users", body: requiredBody}
	return serve(e, p, func(ctx context.Context, r *request[createBody]) (any, error) {
		r.note.Username = r.Body.Username.value
		user, err := directory.CreateUser(ctx, r.Body.user(r.Client), r.Body.Password.value, actOf(r))
		if r.note.outcome(userCreated, err); err != nil {
			return nil, taken(err)
		}
		r.note.Username = user.Username
		record, err := recordOf(ctx, e.Key, user, attempts)
		r.note.Trouble = err
		return created{userAnswerOf(user, record, maximums.Maximum(ctx, r.Client))}, nil
	})
}

// UpdateUser answers PUT /clients/{client}/users/{username}: it changes the
// fields that are given, of which there must be one.
func UpdateUser(e Edge, directory Directory, attempts RecordReader, maximums lockout.Maximums) Handler {
	p := endpoint{route: "PUT /clients/{client}/users/{username}", body: requiredBody}
	return serve(e, p, func(ctx context.Context, r *request[updateBody]) (any, error) {
		user, err := directory.UpdateUser(ctx, r.Key, r.Body.change(), actOf(r))
		if r.note.outcome(userUpdated, err); err != nil {
			return nil, err
		}
		record, err := recordOf(ctx, e.Key, user, attempts)
		if err != nil {
			return nil, err
		}
		return userAnswerOf(user, record, maximums.Maximum(ctx, r.Client)), nil
	})
}

// SetPassword answers PUT /clients/{client}/users/{username}/password. It
// unlocks nobody.
func SetPassword(e Edge, directory Directory) Handler {
	p := endpoint{route: "PUT /clients/{client}/users/{username}/password", body: requiredBody}
	return serve(e, p, func(ctx context.Context, r *request[passwordBody]) (any, error) {
		err := directory.SetPassword(ctx, r.Key, r.Body.Password.value, actOf(r))
		r.note.outcome(passwordSet, err)
		return done{}, err
	})
}

// DeleteUser answers DELETE /clients/{client}/users/{username}.
func DeleteUser(e Edge, directory Directory) Handler {
	p := endpoint{route: "DELETE /clients/{client}/users/{username}"}
	return serve(e, p, func(ctx context.Context, r *request[empty]) (any, error) {
		err := directory.DeleteUser(ctx, r.Key, actOf(r))
		if errors.Is(err, access.ErrLocked) {
			err = errKeepsLock
		}
		r.note.outcome(userDeleted, err)
		return done{}, err
	})
}

// errKeepsLock refuses to delete a locked user to those who may not unlock.
var errKeepsLock = &detailedError{
	"This user is locked. Only a Sysadmin deletes a locked user: whoever is created under the name could log in.",
	access.ErrLocked,
}

type createBody struct {
	Username text `json:"username"`
	Role     text `json:"role"`
	Name     text `json:"name"`
	Email    text `json:"email"`
	Password text `json:"password"`
}

func (b createBody) check() []fault {
	faults := append(b.Username.there("username"), b.Role.there("role")...)
	faults = append(faults, checkPerson(b.Role, b.Name, b.Email)...)
	return append(faults, b.Password.there("password")...)
}

func (b createBody) user(client string) access.User {
	return access.User{
		Client: client, Username: b.Username.value, Role: access.Role(b.Role.value), Name: b.Name.value, Email: b.Email.value,
	}
}

type updateBody struct {
	Role  text `json:"role"`
	Name  text `json:"name"`
	Email text `json:"email"`
}

func (b updateBody) check() []fault {
	if !b.Role.given && !b.Name.given && !b.Email.given {
		return []fault{{Message: "must have at least one of role, name and email"}}
	}
	return checkPerson(b.Role, b.Name, b.Email)
}

func (b updateBody) change() access.Change {
	change := access.Change{Name: b.Name.pointer(), Email: b.Email.pointer()}
	if b.Role.given {
		role := access.Role(b.Role.value)
		change.Role = &role
	}
	return change
}

type passwordBody struct {
	Password text `json:"password"`
}

func (b passwordBody) check() []fault { return b.Password.there("password") }

// checkPerson returns what is wrong with what is given of a user. An empty name or
// email address is none.
func checkPerson(role, name, email text) []fault {
	var faults []fault
	if role.given && !access.Role(role.value).Valid() {
		faults = append(faults, fault{"role", "must be one of " + roleNames()})
	}
	faults = append(faults, name.lineOrNone("name", maxName)...)
	return append(faults, email.lineOrNone("email", maxEmail)...)
}

// actOf says who is changing a user, and whom they may administer.
func actOf[B body](r *request[B]) access.Act {
	return access.Act{
		Actor: r.Caller.String(), SourceIP: r.SourceIP, RequestID: r.RequestID, May: r.Caller.CheckManage,
		KeepsLocks: r.Caller.Check(access.UnlockUsers, r.Client) != nil,
	}
}

// taken says what a conflict means to somebody who would create a user.
func taken(err error) error {
	var conflict *lockout.ConflictError
	if errors.As(err, &conflict) {
		return fmt.Errorf("%w: %w", errTaken, err)
	}
	return err
}

// recordOf reads the attempts of one user.
func recordOf(ctx context.Context, makeKey KeyFunc, user access.User, attempts RecordReader) (lockout.Record, error) {
	key, err := makeKey(user.Client, user.Username)
	if err != nil {
		return lockout.Record{}, fmt.Errorf("stored user %q: %w", user.Username, err)
	}
	records, err := attempts.ReadMany(ctx, []lockout.Key{key})
	if err != nil {
		return lockout.Record{}, fmt.Errorf("reading attempts: %w", err)
	}
	return records[key], nil
}

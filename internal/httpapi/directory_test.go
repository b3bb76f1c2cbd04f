package httpapi_test

import (
	"context"
	"errors"
	"slices"

	"portcullis/internal/access"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// records reads the attempts of several users, unless a test says otherwise.
func (w *world) records() httpapi.RecordReader { return records{w} }

type records struct{ w *world }

func (r records) ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]lockout.Record, error) {
	if r.w.unread != nil {
		return nil, r.w.unread
	}
	return r.w.attempts.ReadMany(ctx, keys)
}

// directory changes the people of a world. It keeps the real rules of names
// and passwords.
type directory struct {
	people    *people
	clock     *lockouttest.Clock
	noClient  bool // there is no client of any name
	passwords map[string]string
	acts      []access.Act // without what they may
	// fault, if not nil, is what each call begins with.
	fault func() error
}

// begin notes who acts, and refuses what they may not.
func (d *directory) begin(act access.Act, roles ...access.Role) error {
	if d.fault != nil {
		if err := d.fault(); err != nil {
			return err
		}
	}
	for _, role := range roles {
		if err := act.May(role); err != nil {
			return err
		}
	}
	act.May = nil
	d.acts = append(d.acts, act)
	return nil
}

func (d *directory) CreateUser(
	_ context.Context, user access.User, password string, act access.Act,
) (access.User, error) {
	if err := d.begin(act, user.Role); err != nil {
		return access.User{}, err
	}
	k, err := users.UserKey(user.Client, user.Username)
	if err != nil {
		return access.User{}, fieldError("username", err)
	}
	if err := users.CheckPassword(password, k.Username()); err != nil {
		return access.User{}, fieldError("password", err)
	}
	if d.noClient {
		return access.User{}, lockout.ErrNotFound
	}
	if d.find(k) >= 0 {
		return access.User{}, &lockout.ConflictError{}
	}
	user.Username, user.CreatedAt, user.SessionsSince = k.Username(), d.clock.Now(), d.clock.Now()
	d.people.all = append(slices.Clone(d.people.all), user)
	d.passwords = map[string]string{k.String(): password}
	return user, nil
}

func (d *directory) UpdateUser(
	_ context.Context, k lockout.Key, change access.Change, act access.Act,
) (access.User, error) {
	i := d.find(k)
	if i < 0 {
		return access.User{}, lockout.ErrNotFound
	}
	user := d.people.all[i]
	roles := []access.Role{user.Role}
	if change.Role != nil {
		roles, user.Role = append(roles, *change.Role), *change.Role
	}
	if change.Name != nil {
		user.Name = *change.Name
	}
	if change.Email != nil {
		user.Email = *change.Email
	}
	if err := d.begin(act, roles...); err != nil {
		return access.User{}, err
	}
	if roles[0] == access.Sysadmin && user.Role != access.Sysadmin && d.sysadmins() == 1 {
		return access.User{}, access.ErrLastSysadmin
	}
	d.people.all = slices.Clone(d.people.all)
	d.people.all[i] = user
	return user, nil
}

func (d *directory) SetPassword(_ context.Context, k lockout.Key, password string, act access.Act) error {
	i := d.find(k)
	if i < 0 {
		return lockout.ErrNotFound
	}
	if err := d.begin(act, d.people.all[i].Role); err != nil {
		return err
	}
	if err := users.CheckPassword(password, k.Username()); err != nil {
		return fieldError("password", err)
	}
	d.passwords = map[string]string{k.String(): password}
	return nil
}

func (d *directory) DeleteUser(_ context.Context, k lockout.Key, act access.Act) error {
	i := d.find(k)
	if i < 0 {
		return lockout.ErrNotFound
	}
	role := d.people.all[i].Role
	if err := d.begin(act, role); err != nil {
		return err
	}
	if role == access.Sysadmin && d.sysadmins() == 1 {
		return access.ErrLastSysadmin
	}
	d.people.all = slices.Delete(slices.Clone(d.people.all), i, i+1)
	return nil
}

// find returns where the user is, or -1.
func (d *directory) find(k lockout.Key) int {
	return slices.IndexFunc(d.people.all, func(u access.User) bool {
		return u.Client == k.Client() && u.Username == k.Username()
	})
}

func (d *directory) sysadmins() int {
	n := 0
	for _, user := range d.people.all {
		if user.Role == access.Sysadmin {
			n++
		}
	}
	return n
}

func fieldError(field string, err error) error {
	message := "cannot be"
	var rule *users.RuleError
	if errors.As(err, &rule) {
		message = rule.Rule
	}
	return &access.FieldError{Field: field, Message: message, Err: err}
}

package lockouttest

import (
	"context"

	"pgregory.net/rapid"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

func drawName(t *rapid.T) string {
	return rapid.SampledFrom([]string{"ana", "Ana", "!first", "\u00e9mile"}).Draw(t, "username")
}

// drawRole draws a Sysadmin half of the times: of them there must be one.
func drawRole(t *rapid.T) access.Role {
	return rapid.SampledFrom([]access.Role{access.Sysadmin, access.Manager, access.Sysadmin, access.ITUser}).Draw(t, "role")
}

func (m *usersMachine) drawPassword(t *rapid.T) string {
	return rapid.SampledFrom([]string{usersPassword, "another-password-1"}).Draw(t, "password")
}

// drawBefore draws what a change takes a user for: what they are, if they are
// there, or what anybody was.
func (m *usersMachine) drawBefore(t *rapid.T) access.User {
	now, there := m.stored[drawName(t)]
	if there && rapid.SampledFrom([]bool{true, true, true, false}).Draw(t, "as they are") {
		return now.User
	}
	if len(m.was) == 0 {
		t.Skip("nobody was ever there")
	}
	return rapid.SampledFrom(m.was).Draw(t, "before")
}

func (m *usersMachine) create(t *rapid.T) {
	user := person(m.client, drawName(t))
	user.Role, user.CreatedAt = drawRole(t), m.later()
	user.SessionsSince = user.CreatedAt
	password, entry := m.drawPassword(t), m.entry(audit.UserCreated, user.Username)
	m.ask(change{
		what: "create", entry: entry,
		make: func(ctx context.Context) error { return m.store.Create(ctx, user, m.hashes[password], entry) },
		due: func() error {
			if _, there := m.stored[user.Username]; there {
				return &lockout.ConflictError{}
			}
			return nil
		},
		then: func() { m.put(user, password) },
	})
}

func (m *usersMachine) update(t *rapid.T) {
	before := m.drawBefore(t)
	after, entry := before, m.entry(audit.UserUpdated, before.Username)
	after.Role, after.SessionsSince = drawRole(t), m.later()
	after.Name = rapid.SampledFrom([]string{"Ana Silva", "Ana Reis", ""}).Draw(t, "name")
	m.ask(change{
		what: "update", entry: entry,
		make: func(ctx context.Context) error { return m.store.Update(ctx, before, after, entry) },
		due:  func() error { return m.as(before, after.Role) },
		then: func() { m.put(after, m.stored[after.Username].password) },
	})
}

func (m *usersMachine) setPassword(t *rapid.T) {
	before := m.drawBefore(t)
	after, entry, password := before, m.entry(audit.PasswordSet, before.Username), m.drawPassword(t)
	after.SessionsSince = m.later()
	m.ask(change{
		what: "set password", entry: entry,
		make: func(ctx context.Context) error {
			return m.store.SetPassword(ctx, before, m.hashes[password], after.SessionsSince, entry)
		},
		due:  func() error { return m.as(before, before.Role) },
		then: func() { m.put(after, password) },
	})
}

func (m *usersMachine) delete(t *rapid.T) {
	before := m.drawBefore(t)
	entry := m.entry(audit.UserDeleted, before.Username)
	m.ask(change{
		what: "delete", entry: entry,
		make: func(ctx context.Context) error { return m.store.Delete(ctx, before, entry) },
		due:  func() error { return m.as(before, "") },
		then: func() { delete(m.stored, before.Username) },
	})
}

package directory

import (
	"time"

	"portcullis/internal/access"
	"portcullis/internal/audit"
)

// creation is the entry of a user's creation.
func (d *Directory) creation(user access.User, by deed) audit.Entry {
	e := d.entry(user, audit.UserCreated, user.CreatedAt, by)
	e.Details.Role = string(user.Role)
	return e
}

// update is the entry of a change of a user.
func (d *Directory) update(before, after access.User, by deed) audit.Entry {
	e := d.entry(after, audit.UserUpdated, d.now(), by)
	if before.Role != after.Role {
		e.Details.Role, e.Details.PreviousRole = string(after.Role), string(before.Role)
		e.Details.Changed = append(e.Details.Changed, "role")
	}
	if before.Name != after.Name {
		e.Details.Changed = append(e.Details.Changed, "name")
	}
	if before.Email != after.Email {
		e.Details.Changed = append(e.Details.Changed, "email")
	}
	return e
}

func (d *Directory) passwordSet(user access.User, by deed) audit.Entry {
	return d.entry(user, audit.PasswordSet, d.now(), by)
}

func (d *Directory) deletion(user access.User, by deed) audit.Entry {
	e := d.entry(user, audit.UserDeleted, d.now(), by)
	e.Details.Role = string(user.Role)
	return e
}

// clientCreation is the entry of a client's creation.
func (d *Directory) clientCreation(client string, at time.Time, by deed) audit.Entry {
	return d.entry(access.User{Client: client}, audit.ClientCreated, at, by)
}

// entry is what all entries say: who did what to whom, when, from where and why.
func (d *Directory) entry(user access.User, action audit.Action, at time.Time, by deed) audit.Entry {
	return audit.Entry{
		Client: user.Client, ID: d.NewID(), At: at, Action: action, Actor: by.Actor, Username: user.Username,
		SourceIP: by.SourceIP, RequestID: by.RequestID, Reason: by.Reason,
		Details: audit.Details{BreakGlass: by.breakGlass},
	}
}

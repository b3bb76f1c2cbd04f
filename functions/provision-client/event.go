package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/go-json-experiment/json"

	"portcullis/internal/directory"
	"portcullis/internal/lockout"
)

// An order is the event: which client, and who its first Sysadmin is.
type order struct {
	Client   string `json:"client"`
	Username string `json:"username"`
	Name     string `json:"name"`
	Email    string `json:"email"`
}

// errMalformed says nothing of the event, which may be of any size.
var errMalformed = errors.New(`the event must be {"client", "username", "name", "email"}, all strings`)

// UnmarshalJSON refuses unknown and repeated members: a misspelt one would be
// an empty value.
func (o *order) UnmarshalJSON(text []byte) error {
	type plain order
	if err := json.Unmarshal(text, (*plain)(o), json.RejectUnknownMembers(true)); err != nil {
		return errMalformed
	}
	return nil
}

// A receipt is the answer.
type receipt struct {
	Client   string `json:"client"`
	Username string `json:"username"`
	Password string `json:"password,omitempty"`
	Created  bool   `json:"created"`
}

// handler provisions what is ordered. When the user was created and only the
// audit entry could not be written, it tries once more and tells the password
// in any case, since nobody else knows it; the log says what is missing.
func handler(log *slog.Logger, d *directory.Directory) func(context.Context, order) (receipt, error) {
	return func(ctx context.Context, o order) (receipt, error) {
		wanted := directory.Provision{
			Client: o.Client, Username: o.Username, Name: o.Name, Email: o.Email, By: lockout.ActorPortcullis,
		}
		made, err := d.Provision(ctx, wanted)
		if err != nil && !made.Created {
			return receipt{}, err
		}
		if err != nil {
			_, err = d.Provision(ctx, wanted)
		}
		outcome := slog.Group("provisioned", "client", made.Client, "username", made.Username, "created", made.Created)
		if err != nil {
			log.Error("audit_entry_missing", outcome, "error", err.Error(), "remedy", "invoke again with the same event")
		} else {
			log.Info("client_provisioned", outcome)
		}
		return receipt{made.Client, made.Username, made.Password, made.Created}, nil
	}
}

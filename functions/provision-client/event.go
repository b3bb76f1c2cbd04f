package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"

	"portcullis/internal/directory"
)

// An order is the event: which client, who its first Sysadmin is, and who
// wants it.
type order struct {
	Client   string `json:"client"`
	Username string `json:"username"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	By       string `json:"by"`     // who invokes the function
	Reason   string `json:"reason"` // may be empty, unless the glass is broken

	BreakGlass directory.BreakGlass `json:"break_glass"` // of a client that is there
}

// The bounds of what an order says about itself, in bytes.
const (
	maxBy     = 128 // a name, an address, or the ARN of a role's session
	maxReason = 500 // as an unlock's
)

// actorPrefix marks an actor who comes by IAM and is no user of a client. It
// cannot be a client's name, which has no colon.
const actorPrefix = "iam:"

// The errors say nothing of the event, which may be of any size.
var (
	errMalformed = errors.New(`the event must be {"client", "username", "name", "email", "by", "reason"}, all strings, ` +
		`and may have "break_glass", which is "unlock" or "create"`)
	errBy     = fmt.Errorf(`"by" must say who invokes this, on one line of 1 to %d bytes`, maxBy)
	errReason = fmt.Errorf(`"reason" must be one line of at most %d bytes`, maxReason)
)

// UnmarshalJSON refuses unknown and repeated members: a misspelt one would be
// an empty value.
func (o *order) UnmarshalJSON(text []byte) error {
	type plain order
	if err := json.Unmarshal(text, (*plain)(o), json.RejectUnknownMembers(true)); err != nil {
		return errMalformed
	}
	return nil
}

// check returns what is wrong with what an order says about itself; the
// directory checks the rest. Lambda does not tell a function who invokes it, so
// the order does; where CloudTrail records invocations, it has the caller under
// the same request id.
func (o order) check() error {
	switch {
	case strings.TrimSpace(o.By) == "" || !isLine(o.By, maxBy):
		return errBy
	case !isLine(o.Reason, maxReason):
		return errReason
	}
	return nil
}

func isLine(s string, limit int) bool {
	return len(s) <= limit && !strings.ContainsFunc(s, unicode.IsControl)
}

// provision returns the order as the directory takes it.
func (o order) provision(ctx context.Context) directory.Provision {
	p := directory.Provision{
		Client: o.Client, Username: o.Username, Name: o.Name, Email: o.Email,
		By: actorPrefix + strings.TrimSpace(o.By), Reason: strings.TrimSpace(o.Reason), BreakGlass: o.BreakGlass,
	}
	if invoked, ok := lambdacontext.FromContext(ctx); ok {
		p.RequestID = invoked.AwsRequestID
	}
	return p
}

// A receipt is the answer.
type receipt struct {
	Client   string `json:"client"`
	Username string `json:"username"`
	Password string `json:"password,omitempty"`
	Created  bool   `json:"created"`
	Unlocked bool   `json:"unlocked,omitempty"` // by breaking the glass
}

// handler provisions what is ordered. When the user was created and something
// after that failed, it tries once more and tells the password in any case,
// since nobody else knows it; the log says what is missing.
func handler(log *slog.Logger, d *directory.Directory) func(context.Context, order) (receipt, error) {
	return func(ctx context.Context, o order) (receipt, error) {
		if err := o.check(); err != nil {
			return receipt{}, err
		}
		wanted := o.provision(ctx)
		made, err := d.Provision(ctx, wanted)
		if err != nil && made.Created {
			if _, err = d.Provision(ctx, wanted); errors.Is(err, directory.ErrTaken) {
				err = nil // by the first try, and now all is done
			}
		}
		report(ctx, log, wanted, made, err)
		if err != nil && !made.Created {
			return receipt{}, err
		}
		return receipt(made), nil
	}
}

// report says in the log what came of an order: aloud, if it was to break the
// glass, whatever came of it.
func report(ctx context.Context, log *slog.Logger, wanted directory.Provision, made directory.Provisioned, err error) {
	outcome := slog.Group("provisioned", "client", made.Client, "username", made.Username,
		"created", made.Created, "unlocked", made.Unlocked)
	if wanted.BreakGlass != "" {
		log.WarnContext(ctx, "break_glass", "to", wanted.BreakGlass, outcome, "by", wanted.By, "reason", wanted.Reason,
			"request_id", wanted.RequestID, "error", textOf(err))
	}
	switch {
	case err != nil && made.Created:
		log.ErrorContext(ctx, "provisioning_unfinished", outcome, "error", err.Error(), "remedy", "invoke again with the same event")
	case err == nil:
		log.InfoContext(ctx, "client_provisioned", outcome)
	}
}

// textOf is what the log says of an error that may be nil.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"portcullis/internal/access"
)

// The names of log lines, from the OWASP Logging Vocabulary Cheat Sheet but for
// passwordSet and policyChanged, which are the trail's names of those acts. A
// request that is none of these is logged under its own name, "request".
const (
	loginSuccess          = "authn_login_success"
	loginSuccessAfterFail = "authn_login_successafterfail"
	loginFail             = "authn_login_fail"
	loginLock             = "authn_login_lock"
	loginUnlock           = "authn_login_unlock"
	tokenCreated          = "authn_token_created"
	tokenRevoked          = "authn_token_revoked"
	userCreated           = "user_created"
	userUpdated           = "user_updated"
	userDeleted           = "user_deleted"
	passwordSet           = "password_set"
	policyChanged         = "policy_changed"
	authorizationFail     = "authz_fail"
	otherRequest          = "request"
)

// How much of a value goes into a log line, in bytes.
const (
	maxLoggedName  = 256  // the longest username that login takes
	maxLoggedError = 1024 // a wrapped error of the AWS SDK
	maxLoggedStack = 8 << 10
)

// outcomeOK is the outcome of what succeeded; every other is a problem's type.
const outcomeOK = "ok"

// A note is what a handler wants its log line to say.
type note struct {
	Event    string // empty for otherRequest
	Actor    string // who called; empty for nobody known
	Client   string
	Username string
	// Trouble is what went wrong beside an answer that is good all the same.
	Trouble error
}

// record writes the line of one request. Only faults of ours are told in
// words: the errors of callers could repeat what they sent.
func (e Edge) record(ctx context.Context, n *note, from origin, route string, took time.Duration, err error) {
	level, outcome := slog.LevelInfo, outcomeOK
	attributes := []slog.Attr{
		slog.String("route", bounded(route, maxLoggedName)),
		slog.String("client", bounded(n.Client, maxLoggedName)),
		slog.String("username", bounded(n.Username, maxLoggedName)),
		slog.String("request_id", from.RequestID),
		slog.String("source_ip", from.SourceIP),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
	}
	if n.Actor != "" {
		attributes = append(attributes, slog.String("actor", bounded(n.Actor, 2*maxLoggedName)))
	}
	fault := n.Trouble
	if err != nil {
		p := problemOf(err)
		level, outcome = slog.LevelWarn, p.Slug
		if p.Status >= http.StatusInternalServerError {
			fault = errors.Join(err, fault)
		}
	}
	if fault != nil {
		level = slog.LevelError
		attributes = append(attributes, errorAttributes(fault)...)
	}
	attributes = append(attributes, slog.String("outcome", outcome))
	e.Log.LogAttrs(ctx, level, n.name(), attributes...)
}

// outcome names the line of something that was to be done: after the event if
// it was, and after the refusal if the caller may not.
func (n *note) outcome(event string, err error) {
	switch {
	case err == nil:
		n.Event = event
	case errors.Is(err, access.ErrForbidden):
		n.Event = authorizationFail
	}
}

func (n *note) name() string {
	if n.Event == "" {
		return otherRequest
	}
	return n.Event
}

// errorAttributes tells a fault of ours, and where a panic came from.
func errorAttributes(err error) []slog.Attr {
	attributes := []slog.Attr{slog.String("error", bounded(err.Error(), maxLoggedError))}
	var panicked *panicError
	if errors.As(err, &panicked) {
		stack := panicked.stack[:min(len(panicked.stack), maxLoggedStack)]
		attributes = append(attributes, slog.String("stack", string(stack)))
	}
	return attributes
}

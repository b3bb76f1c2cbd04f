package httpapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// retryAfterOutage is how long a caller is asked to stay away when a store or
// the mint does not answer. AWS SDKs give up on a service after a few seconds.
const retryAfterOutage = 5 * time.Second

// A problem is one kind of refusal (RFC 9457).
type problem struct {
	Slug       string
	Title      string
	Status     int
	Detail     string // unless the error has one of its own
	RetryAfter time.Duration
}

// The errors of this package that are answers.
var (
	errTooLarge             = errors.New("body too large")
	errUnsupportedMediaType = errors.New("body is not JSON")
	errInvalid              = errors.New("invalid request")
	errWrong                = errors.New("wrong credentials")
	errLocked               = errors.New("user is locked")
	errBusy                 = errors.New("too many attempts")
	errConflict             = errors.New("conflict")
)

// problems is the table of what an error is to a caller. The first row that
// matches holds, so an outage within anything is an outage.
var problems = []struct {
	is []error
	problem
}{
	{[]error{lockout.ErrUnavailable, context.DeadlineExceeded, context.Canceled}, problem{
		"unavailable", "Unavailable", http.StatusServiceUnavailable,
		"Something that this service needs did not answer. Try again in a moment.", retryAfterOutage}},
	{[]error{errInvalid}, problem{
		"invalid-request", "Invalid request", http.StatusBadRequest,
		"The request is not as this route wants it.", 0}},
	{[]error{access.ErrUnauthorized}, problem{
		"unauthorized", "Not logged in", http.StatusUnauthorized,
		"A valid access token is needed.", 0}},
	{[]error{errWrong}, problem{
		"invalid-credentials", "Wrong user name or password", http.StatusUnauthorized,
		"The user name or the password is wrong.", 0}},
	{[]error{access.ErrForbidden}, problem{
		"forbidden", "Not allowed", http.StatusForbidden,
		"Your role or your client does not allow this.", 0}},
	{[]error{lockout.ErrNotFound}, problem{
		"not-found", "Not found", http.StatusNotFound,
		"There is no such user, client or route.", 0}},
	{[]error{errConflict}, problem{
		"conflict", "Conflict", http.StatusConflict,
		"What is there now is not what you saw. Look again.", 0}},
	{[]error{access.ErrLastSysadmin}, problem{
		"conflict", "Conflict", http.StatusConflict,
		"This is the last Sysadmin of the client, who can be neither deleted nor given another role. " +
			"Make somebody else a Sysadmin first.", 0}},
	{[]error{errTooLarge}, problem{
		"payload-too-large", "Body too large", http.StatusRequestEntityTooLarge,
		"A body may have at most 8 KiB.", 0}},
	{[]error{errUnsupportedMediaType}, problem{
		"unsupported-media-type", "Unsupported media type", http.StatusUnsupportedMediaType,
		"The body must be application/json.", 0}},
	{[]error{errLocked}, problem{
		"user-locked", "User is locked", http.StatusLocked,
		"Ask a Sysadmin to unlock this user.", 0}},
	{[]error{errBusy}, problem{
		"too-many-attempts", "Too many attempts", http.StatusTooManyRequests,
		"Other attempts of this user are in flight. Try again in a moment.", lockout.RetryAfterBusy}},
}

// internalProblem is every error that the table does not have.
var internalProblem = problem{
	"internal", "Internal error", http.StatusInternalServerError,
	"This is our fault. Give the request id to whoever runs this service.", 0}

// problemOf returns the row of an error.
func problemOf(err error) problem {
	if _, ok := errors.AsType[*lockout.ConflictError](err); ok {
		err = errors.Join(errConflict, err)
	} else if _, ok := errors.AsType[*access.FieldError](err); ok {
		err = errors.Join(errInvalid, err)
	}
	for _, row := range problems {
		if slices.ContainsFunc(row.is, func(is error) bool { return errors.Is(err, is) }) {
			return row.problem
		}
	}
	return internalProblem
}

// An invalidError is a request that is not as it must be.
type invalidError struct{ faults []fault }

func (e *invalidError) Error() string        { return errInvalid.Error() }
func (e *invalidError) Is(target error) bool { return target == errInvalid }

// invalid returns the faults as an error, or nil if there are none.
func invalid(faults []fault) error {
	if len(faults) == 0 {
		return nil
	}
	return &invalidError{faults}
}

// A wrongError is a wrong password, or an unknown user.
type wrongError struct{ remaining int }

func (e *wrongError) Error() string        { return errWrong.Error() }
func (e *wrongError) Is(target error) bool { return target == errWrong }

// A detailedError is an error that tells the caller more than its row of the
// table does.
type detailedError struct {
	detail string // a sentence or two
	err    error
}

func (e *detailedError) Error() string { return e.err.Error() }
func (e *detailedError) Unwrap() error { return e.err }

// lockedIn refuses a user of the client who is locked.
func lockedIn(client string) error {
	return &detailedError{"Ask a Sysadmin of " + client + " to unlock this user.", errLocked}
}

// What was not found, where that can be told.
var (
	errNoRoute  = &detailedError{"There is no such route.", fmt.Errorf("route: %w", lockout.ErrNotFound)}
	errNoUser   = &detailedError{"There is no such user.", lockout.ErrNotFound}
	errNoClient = &detailedError{"There is no such client.", lockout.ErrNotFound}
)

// missing says what a handler of the route has not found: the last that its
// path names.
func missing(route access.Route, err error) error {
	switch {
	case !errors.Is(err, lockout.ErrNotFound):
		return err
	case names(route, "username"):
		return fmt.Errorf("%w: %w", errNoUser, err)
	case names(route, "client"):
		return fmt.Errorf("%w: %w", errNoClient, err)
	}
	return err
}

// A document is a problem as it is sent.
type document struct {
	Type              string  `json:"type"`
	Title             string  `json:"title"`
	Status            int     `json:"status"`
	Detail            string  `json:"detail"`
	RequestID         string  `json:"request_id"`
	Errors            []fault `json:"errors,omitempty"`
	AttemptsRemaining int     `json:"attempts_remaining,omitzero"`
	// Current is absent when nothing is there now: no lock, say.
	Current any `json:"current,omitempty"`
}

// documentOf writes the problem of an error, with what the error alone knows.
func documentOf(p problem, requestID string, err error) document {
	d := document{
		Type: "urn:portcullis:problem:" + p.Slug, Title: p.Title,
		Status: p.Status, Detail: p.Detail, RequestID: requestID,
	}
	if p.Status >= http.StatusInternalServerError {
		return d
	}
	var (
		faulty   *invalidError
		field    *access.FieldError
		wrong    *wrongError
		conflict *lockout.ConflictError
		detailed *detailedError
	)
	if errors.As(err, &detailed) {
		d.Detail = detailed.detail
	}
	switch {
	case errors.As(err, &faulty):
		d.Errors = faulty.faults
	case errors.As(err, &field):
		d.Errors = []fault{{field.Field, field.Message}}
	case errors.As(err, &wrong):
		d.AttemptsRemaining = wrong.remaining
	case errors.As(err, &conflict) && conflict.Current != "":
		d.Current = conflict.Current
	}
	return d
}

// respond makes the response to an event: the reply, or the problem that err
// is.
func (e Edge) respond(
	event events.APIGatewayProxyRequest, requestID string, answer reply, err error,
) events.APIGatewayProxyResponse {
	headers := map[string]string{
		"Cache-Control":          "no-store",
		"X-Content-Type-Options": "nosniff",
		"X-Request-Id":           requestID,
	}
	e.share(headers, event)
	if err != nil {
		return refuse(headers, requestID, err)
	}
	if answer.body != nil {
		headers["Content-Type"] = "application/json"
	}
	maps.Copy(headers, answer.headers)
	return events.APIGatewayProxyResponse{StatusCode: answer.status, Headers: headers, Body: string(answer.body)}
}

// refuse makes the response that tells the problem that err is.
func refuse(headers map[string]string, requestID string, err error) events.APIGatewayProxyResponse {
	p := problemOf(err)
	headers["Content-Type"] = "application/problem+json"
	if p.RetryAfter > 0 {
		headers["Retry-After"] = strconv.Itoa(int(p.RetryAfter.Seconds()))
	}
	if p.Status == http.StatusUnauthorized {
		headers["WWW-Authenticate"] = "Bearer" // RFC 9110, section 15.5.2
	}
	body, err := marshal(documentOf(p, requestID, err))
	if err != nil { // never: every field is a type of ours
		return events.APIGatewayProxyResponse{StatusCode: internalProblem.Status, Headers: headers}
	}
	return events.APIGatewayProxyResponse{StatusCode: p.Status, Headers: headers, Body: string(body)}
}

// Refusal returns the answer to an event that reaches no handler, for a server
// that stands in for API Gateway: [access.ErrUnauthorized] is 401,
// [access.ErrForbidden] 403, [lockout.ErrNotFound] 404, and the rest follows
// the same table as a handler's. Of the edge it needs the origins alone.
func (e Edge) Refusal(event events.APIGatewayProxyRequest, err error) events.APIGatewayProxyResponse {
	if errors.Is(err, lockout.ErrNotFound) {
		err = fmt.Errorf("%w: %w", errNoRoute, err)
	}
	return e.respond(event, requestID(context.Background(), event.RequestContext.RequestID), reply{}, err)
}

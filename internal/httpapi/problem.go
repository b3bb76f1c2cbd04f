package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

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
	var conflict *lockout.ConflictError
	if errors.As(err, &conflict) {
		err = errors.Join(errConflict, err)
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

// A lockedError refuses a user who is locked.
type lockedError struct{ client string }

func (e *lockedError) Error() string        { return errLocked.Error() }
func (e *lockedError) Is(target error) bool { return target == errLocked }

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
	var (
		faulty   *invalidError
		wrong    *wrongError
		locked   *lockedError
		conflict *lockout.ConflictError
	)
	switch {
	case p.Status >= http.StatusInternalServerError:
	case errors.As(err, &faulty):
		d.Errors = faulty.faults
	case errors.As(err, &wrong):
		d.AttemptsRemaining = wrong.remaining
	case errors.As(err, &locked):
		d.Detail = "Ask a Sysadmin of " + locked.client + " to unlock this user."
	case errors.Is(err, errOwnLock):
		d.Detail = "Nobody unlocks themselves. Ask another Sysadmin of your client."
	case errors.As(err, &conflict):
		d.Current = conflict.Current
	}
	return d
}

// respond makes the response: 200 with the answer, or the problem that err is.
func respond(requestID string, answer []byte, err error) events.APIGatewayProxyResponse {
	headers := map[string]string{
		"Cache-Control":          "no-store",
		"Content-Type":           "application/json",
		"X-Content-Type-Options": "nosniff",
		"X-Request-Id":           requestID,
	}
	if err == nil {
		return events.APIGatewayProxyResponse{StatusCode: http.StatusOK, Headers: headers, Body: string(answer)}
	}
	p := problemOf(err)
	headers["Content-Type"] = "application/problem+json"
	if p.RetryAfter > 0 {
		headers["Retry-After"] = strconv.Itoa(int(p.RetryAfter.Seconds()))
	}
	if p.Status == http.StatusUnauthorized {
		headers["WWW-Authenticate"] = "Bearer" // RFC 9110, section 15.5.2
	}
	body, err := json.Marshal(documentOf(p, requestID, err), jsontext.AllowInvalidUTF8(true))
	if err != nil { // never: every field is a type of ours
		return events.APIGatewayProxyResponse{StatusCode: internalProblem.Status, Headers: headers}
	}
	return events.APIGatewayProxyResponse{StatusCode: p.Status, Headers: headers, Body: string(body)}
}

// Refusal returns the answer to an event that reaches no handler, for a server
// that stands in for API Gateway: [access.ErrUnauthorized] is 401,
// [access.ErrForbidden] 403, [lockout.ErrNotFound] 404, and the rest follows
// the same table as a handler's.
func Refusal(event events.APIGatewayProxyRequest, err error) events.APIGatewayProxyResponse {
	return respond(requestID(context.Background(), event.RequestContext.RequestID), nil, err)
}

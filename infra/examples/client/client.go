// Package client logs users of a portal in through the API of Portcullis, keeps
// their sessions and ends them. It is an example: copy it, or write your own by it.
//
// The one decision a reader must know: a login is sent again only after a 429 or
// a 503, which say that no verdict was spoken, and only after the pause that they
// ask for. Where the answer was lost nobody knows whether the attempt counted, so
// that is for the user to decide, who may have few attempts left.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	sends        = 3                // of one request at most, the first included
	longestPause = 10 * time.Second // that is waited out; the caller hears of a longer one
	unknownPause = 5 * time.Second  // where an answer does not name one
	answerTime   = 35 * time.Second // API Gateway answers within 29 s
	maxAnswer    = 64 << 10         // bytes; an answer with three tokens has some 5,000
)

// ErrSessionOver says that a session cannot be renewed: it was ended, the user was
// deleted or changed, or it is too old. The user has to log in again.
var ErrSessionOver = errors.New("the session is over")

// WrongCredentials says that the user name or the password is wrong. With the
// last of the Remaining attempts the user is locked, if it is wrong too.
type WrongCredentials struct{ Remaining int }

// Locked says that the user is locked. Detail says whom to ask, for the user.
type Locked struct{ Detail string }

// Busy says that other attempts of the user are in flight.
type Busy struct{ RetryAfter time.Duration }

// Unavailable says that the service has no verdict.
type Unavailable struct{ RetryAfter time.Duration }

// Refused is any other answer: a request that is not as the API wants it, or a
// fault of the service. Whoever runs it can look the request up.
type Refused struct {
	Status            int
	Detail, RequestID string
}

func (e *WrongCredentials) Error() string { return fmt.Sprint("wrong; attempts left: ", e.Remaining) }
func (e *Locked) Error() string           { return "locked: " + e.Detail }
func (e *Busy) Error() string             { return fmt.Sprint("busy; try again in ", e.RetryAfter) }
func (e *Unavailable) Error() string      { return fmt.Sprint("unavailable; try again in ", e.RetryAfter) }
func (e *Refused) Error() string {
	return fmt.Sprintf("answer %d: %s (request %s)", e.Status, e.Detail, e.RequestID)
}

// A User is who has logged in.
type User struct {
	Client   string `json:"client"`
	Username string `json:"username"`
	Role     string `json:"role"`
}

// A Session is what a login gives. Its tokens are as secret as the password.
type Session struct {
	AccessToken  string
	IDToken      string
	RefreshToken string
	Expires      time.Time // of the first two tokens; renew before
	User         User
}

// A Client calls the API at one base URL. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// New returns a client of the API at a base URL, such as
// https://abc123.execute-api.eu-west-1.amazonaws.com/prod. A nil transport is
// [http.DefaultTransport].
func New(base string, transport http.RoundTripper) *Client {
	return &Client{strings.TrimRight(base, "/"), &http.Client{
		Transport: transport, Timeout: answerTime,
		// A password goes where it was sent and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Login opens a session. Its errors are the types of this package, and whatever
// keeps a request from being answered.
func (c *Client) Login(ctx context.Context, client, username, password string) (Session, error) {
	return c.session(ctx, "/login", map[string]string{"client": client, "username": username, "password": password})
}

// Renew returns the session with new access and ID tokens, or [ErrSessionOver].
func (c *Client) Renew(ctx context.Context, s Session) (Session, error) {
	renewed, err := c.session(ctx, "/token", map[string]string{"refresh_token": s.RefreshToken})
	if refused := (*Refused)(nil); errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
		return Session{}, ErrSessionOver
	}
	if err != nil {
		return Session{}, err
	}
	renewed.RefreshToken, renewed.User = s.RefreshToken, s.User
	return renewed, nil
}

// Logout ends the session. Its access token stays good until it expires.
func (c *Client) Logout(ctx context.Context, s Session) error {
	_, err := c.post(ctx, "/logout", map[string]string{"refresh_token": s.RefreshToken})
	return err
}

func (c *Client) session(ctx context.Context, path string, body any) (Session, error) {
	asked := time.Now() // the tokens are younger than this
	a, err := c.post(ctx, path, body)
	if err != nil {
		return Session{}, err
	}
	if a.AccessToken == "" {
		return Session{}, &Refused{http.StatusOK, "an answer without a token", a.RequestID}
	}
	return Session{a.AccessToken, a.IDToken, a.RefreshToken, asked.Add(time.Duration(a.ExpiresIn) * time.Second), a.User}, nil
}

// An answer has the fields of every answer and every problem.
type answer struct {
	AccessToken  string `json:"access_token"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	User         User   `json:"user"`
	Type         string `json:"type"`
	Detail       string `json:"detail"`
	RequestID    string `json:"request_id"`
	Remaining    int    `json:"attempts_remaining"`
}

// post sends a request, and sends it again as long as that is safe and of use.
func (c *Client) post(ctx context.Context, path string, body any) (answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	for n := 1; ; n++ {
		a, pause, err := c.send(ctx, path, text)
		if pause == 0 || pause > longestPause || n == sends {
			return a, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return answer{}, errors.Join(ctx.Err(), err)
		}
	}
}

// send sends a request once. The pause is 0 unless the request may be sent again.
func (c *Client) send(ctx context.Context, path string, body []byte) (a answer, pause time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, 0, fmt.Errorf("reading the answer: %w", err)
	}
	_ = json.Unmarshal(text, &a) // a firewall answers in HTML; what is not told is empty
	pause = unknownPause
	if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16); err == nil && seconds > 0 {
		pause = time.Duration(seconds) * time.Second
	}
	switch status := response.StatusCode; {
	case status == http.StatusOK || status == http.StatusNoContent:
		return a, 0, nil
	case status == http.StatusTooManyRequests:
		return a, pause, &Busy{pause}
	case status == http.StatusServiceUnavailable:
		return a, pause, &Unavailable{pause}
	case strings.HasSuffix(a.Type, ":invalid-credentials"):
		return a, 0, &WrongCredentials{a.Remaining}
	case strings.HasSuffix(a.Type, ":user-locked"):
		return a, 0, &Locked{a.Detail}
	}
	return a, 0, &Refused{response.StatusCode, a.Detail, a.RequestID}
}

package httpapi

import (
	"context"
	"fmt"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// The bounds of what login compares, in bytes. They are wider than those of
// users and passwords that can exist, so that a bad guess gets the answer of a
// bad guess.
const (
	maxLoginClient   = 32
	maxLoginUsername = 256
	maxLoginPassword = 256
)

// upgradeTime bounds the upgrade of a hash: one hash and one write. The login is
// good without it, and the next one tries again.
const upgradeTime = time.Second

// Login answers POST /login. loginKey makes the key of a name as it is typed
// at a login: its error means that the client cannot exist, and nothing is
// charged then.
//
// Nothing is told before the gate has settled it. When the mint fails, a right
// password gets 503, and the count is cleared all the same.
func Login[C Credential](e Edge, gate Gate[C], loginKey KeyFunc, mint Minter) Handler {
	return serve(e, endpoint{route: "POST /login", body: requiredBody, timed: true}, func(ctx context.Context, r *request[loginBody]) (any, error) {
		key, err := loginKey(r.Body.Client.value, r.Body.Username.value)
		if err != nil {
			return nil, invalid([]fault{{"client", "is not the name of a client"}})
		}
		r.note.Client, r.note.Username = key.Client(), key.Username()
		verdict, err := gate.Attempt(ctx, lockout.Attempt{
			Key: key, Password: r.Body.Password.value,
			SourceIP: r.SourceIP, UserAgent: r.UserAgent, RequestID: r.RequestID,
		})
		if err != nil {
			return nil, err
		}
		r.note.Event = loginEvent(verdict)
		if err := refusal(verdict, key.Client()); err != nil {
			return nil, err
		}
		return openSession(ctx, e, r, mint, verdict.Credential)
	})
}

type loginBody struct {
	Client   text `json:"client"`
	Username text `json:"username"`
	Password text `json:"password"`
}

func (b loginBody) check() []fault {
	faults := b.Client.need("client", maxLoginClient)
	faults = append(faults, b.Username.need("username", maxLoginUsername)...)
	return append(faults, b.Password.need("password", maxLoginPassword)...)
}

type loginAnswer struct {
	TokenType    string      `json:"token_type"`
	AccessToken  string      `json:"access_token"`
	IDToken      string      `json:"id_token"`
	RefreshToken string      `json:"refresh_token"`
	ExpiresIn    int64       `json:"expires_in"` // in seconds (RFC 6749, section 5.1)
	User         sessionUser `json:"user"`
}

type sessionUser struct {
	Client   string      `json:"client"`
	Username string      `json:"username"`
	Role     access.Role `json:"role"`
}

// refusal returns the error that a verdict is, or nil for a Welcome.
func refusal[C Credential](v lockout.Verdict[C], client string) error {
	switch v.Ruling {
	case lockout.Welcome:
		return nil
	case lockout.Wrong:
		return &wrongError{v.Remaining}
	case lockout.Locked:
		return lockedIn(client)
	case lockout.Busy:
		return errBusy
	}
	return fmt.Errorf("unknown ruling %q", v.Ruling)
}

// loginEvent names the log line of a verdict.
func loginEvent[C Credential](v lockout.Verdict[C]) string {
	switch {
	case v.JustLocked:
		return loginLock
	case v.Ruling != lockout.Welcome:
		return loginFail
	case v.FailedBefore > 0:
		return loginSuccessAfterFail
	}
	return loginSuccess
}

// openSession mints the tokens, and makes the stored hash stronger while the
// password is at hand. The second may fail without anybody noticing but us.
func openSession(ctx context.Context, e Edge, r *request[loginBody], mint Minter, credential Credential) (any, error) {
	ctx, cancel := endingBefore(ctx, answerTime) // the gate has ended earlier, by itself
	defer cancel()
	user := credential.User()
	session, err := mint.Mint(ctx, user)
	if err != nil {
		r.note.Event = otherRequest
		return nil, fmt.Errorf("minting tokens: %w: %w", lockout.ErrUnavailable, err)
	}
	if err := upgrade(ctx, e.Now(), credential, r.Body.Password.value); err != nil {
		r.note.Trouble = fmt.Errorf("upgrading password hash: %w", err)
	}
	return loginAnswer{
		TokenType:   "Bearer",
		AccessToken: session.AccessToken, IDToken: session.IDToken, RefreshToken: session.RefreshToken,
		ExpiresIn: int64(session.ExpiresIn.Seconds()),
		User:      sessionUser{user.Client, user.Username, user.Role},
	}, nil
}

// upgrade makes the stored hash stronger, if the request has time for it: a
// login that has its tokens must not end with the function's timeout.
func upgrade(ctx context.Context, now time.Time, credential Credential, password string) error {
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(now) < upgradeTime {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, upgradeTime)
	defer cancel()
	return credential.Upgrade(ctx, password)
}

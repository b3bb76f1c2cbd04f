package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"portcullis/infra/bench/load"
)

// maximum is how many wrong guesses lock a user, in every product.
const maximum = 5

// A verdict is what a product says of a guess.
type verdict string

const (
	right  verdict = "right"
	wrong  verdict = "wrong"
	locked verdict = "locked"
	// other is everything else, such as "try again later": the guess was not
	// judged.
	other verdict = "other"
)

// A product is one of what is compared. Its users have one maximum, and stay
// locked until somebody lets them in.
type product interface {
	name() string
	// about says in a few words what runs and how.
	about() string
	// start starts the server, on the data that the last one left, and returns
	// when it lets people in.
	start(ctx context.Context) (birth, error)
	stop()
	pid() int
	base() string
	health() string // the path that says whether it is well

	create(ctx context.Context, username, password string) error
	unlock(ctx context.Context, username string) error
	// guess is a login as it goes over the wire, and judge what the answer says.
	guess(username, password string) load.Request
	judge(load.Answer) verdict
	// compared returns how many passwords were compared with that of a user who
	// never logged in. heard are the verdicts on all guesses at this user.
	compared(ctx context.Context, username string, heard tally) (int, error)
	// bare compares a right password with its hash as the product does, and does
	// nothing else, one comparison after the other.
	bare(ctx context.Context, duration time.Duration) (load.Sample, error)
}

// A birth is how long a server took from its start.
type birth struct {
	answered time.Duration // until its health endpoint said anything
	ready    time.Duration // until that said that people may log in
}

// A tally counts verdicts.
type tally map[verdict]int

// errRefused says that a server did not do what it was asked to.
var errRefused = errors.New("refused")

// callTime bounds a request that prepares something.
const callTime = 2 * time.Minute

// call sends a request that prepares something, and decodes its answer into
// into, if that is not nil.
func call(ctx context.Context, method, url string, header http.Header, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = header
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %w with status %d: %.200s", method, r.URL.Path, errRefused, response.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// callJSON is call with a body of JSON; a nil one is none.
func callJSON(ctx context.Context, method, url string, header http.Header, body, into any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	header = header.Clone()
	header.Set("Content-Type", "application/json")
	return call(ctx, method, url, header, text, into)
}

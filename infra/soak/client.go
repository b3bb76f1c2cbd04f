package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// callTime bounds one request: longer than a gateway waits for a function.
const callTime = 35 * time.Second

// mostBody bounds an answer, in bytes; the longest here is a page of the trail.
const mostBody = 1 << 20

// A client sends the requests, and counts what came of them.
type client struct {
	server *server
	http   *http.Client
	counts *counts
}

// A told is what a request was told, and when. Status 0 says that there was no
// answer.
type told struct {
	began, ended time.Time
	status       int
	id           string
	answer
	// dead says that the server was killed under the request.
	dead bool
}

// heard reports whether the answer tells what happened.
func (t told) heard() bool { return t.status != 0 && t.status < 500 }

// An answer has the fields of all answers that are looked at here.
type answer struct {
	Type         string
	Remaining    int    `json:"attempts_remaining"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	WasLocked    bool   `json:"was_locked"`
	Locked       bool
	LockID       string `json:"lock_id"`
	Failed       int    `json:"failed_attempts"`
	Evidence     []any
	Results      []struct{ Username, Outcome string }
	Users        []struct{ Username string }
	Entries      []entry
	NextCursor   string `json:"next_cursor"`
	Maximum      int    `json:"max_failed_login_attempts_portal"`
}

// call sends a request and waits for its answer. The kind is what it is counted
// as. It waits for a server that is being started anew.
func (c *client) call(ctx context.Context, kind, method, path, token string, body any) told {
	life, err := c.server.wait(ctx)
	if err != nil {
		return told{began: time.Now(), ended: time.Now()}
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	t := told{began: time.Now()}
	err = c.send(ctx, life.base, method, path, token, body, &t)
	t.ended, t.dead = time.Now(), err != nil && life.killed()
	if err != nil {
		t.status = 0
	}
	c.counts.add(kind, outcomeOf(t, err))
	return t
}

func (c *client) send(ctx context.Context, base, method, path, token string, body any, t *told) error {
	payload, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		payload = nil
	}
	r, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	r.GetBody = nil // a request that got no answer is not sent again unseen
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	t.status, t.id = response.StatusCode, response.Header.Get("X-Request-Id")
	if t.status == http.StatusNoContent {
		return nil
	}
	return json.NewDecoder(http.MaxBytesReader(nil, response.Body, mostBody)).Decode(&t.answer)
}

// outcomeOf is what a request is counted as.
func outcomeOf(t told, err error) string {
	switch {
	case err == nil:
		return fmt.Sprint(t.status)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "hung up"
	}
	return "cut off"
}

func userPath(client, username string) string {
	return "/clients/" + client + "/users/" + url.PathEscape(username)
}

// counts are how often each outcome came of each kind of request.
type counts struct {
	mu  sync.Mutex
	all map[string]map[string]int
}

func newCounts() *counts { return &counts{all: make(map[string]map[string]int)} }

func (c *counts) add(kind, outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[kind] == nil {
		c.all[kind] = make(map[string]int)
	}
	c.all[kind][outcome]++
}

// total returns the number of requests, of one kind or of all.
func (c *counts) total(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for name, outcomes := range c.all {
		for _, count := range outcomes {
			if kind == "" || kind == name {
				n += count
			}
		}
	}
	return n
}

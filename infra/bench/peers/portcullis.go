package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/crypto/argon2"

	"portcullis/infra/bench/load"
)

// portcullis is infra/local as it is when nobody sets anything, on a folder of
// its own.
type portcullis struct {
	*server
	program, folder string

	root  person // from the first start; later ones do not tell the password
	token string
	until time.Time // the token is to be used
}

// A person is somebody that infra/local made.
type person struct{ Client, Username, Password, Role string }

// tokenTime is less than a token lives, which is 15 minutes.
const tokenTime = 10 * time.Minute

func (p *portcullis) name() string { return "Portcullis" }

func (p *portcullis) health() string { return "/health" }

func (p *portcullis) about() string {
	return "infra/local on its embedded store, with its defaults: each charge and verdict is on the disk (fsync) before it is told; Argon2id m=19456, t=2, p=1"
}

func (p *portcullis) start(ctx context.Context) (birth, error) {
	address, err := freeAddress()
	if err != nil {
		return birth{}, err
	}
	cmd := exec.Command(p.program, "-addr", address, "-json", "-data", filepath.Join(p.folder, "data"))
	output, err := cmd.StdoutPipe()
	if err != nil {
		return birth{}, err
	}
	if p.server, err = launch(p.folder, address, cmd); err != nil {
		return birth{}, err
	}
	told := make(chan person, 1)
	go func() {
		told <- greeted(output)
		_, _ = io.Copy(io.Discard, output) // until it ends
	}()
	took, err := p.wait(ctx, p.health(), isOK)
	if err != nil {
		return birth{}, err
	}
	if p.root.Password == "" {
		p.root = <-told
	}
	if p.root.Password == "" {
		return birth{}, errors.New("it did not tell of a Sysadmin")
	}
	return birth{answered: took, ready: took}, nil
}

// greeted reads the first line, and returns the Sysadmin that it tells of.
func greeted(r io.Reader) person {
	var told struct{ Users []person }
	line, _ := bufio.NewReader(r).ReadBytes('\n') // what is no greeting tells of nobody
	_ = json.Unmarshal(line, &told)
	for _, p := range told.Users {
		if p.Role == "Sysadmin" {
			return p
		}
	}
	return person{}
}

// sysadmin returns the header of a request by the Sysadmin.
func (p *portcullis) sysadmin(ctx context.Context) (http.Header, error) {
	if time.Now().After(p.until) {
		var session struct {
			Token string `json:"access_token"`
		}
		login := map[string]string{"client": p.root.Client, "username": p.root.Username, "password": p.root.Password}
		if err := callJSON(ctx, "POST", p.url+"/login", http.Header{}, login, &session); err != nil {
			return nil, err
		}
		p.token, p.until = session.Token, time.Now().Add(tokenTime)
	}
	return http.Header{"Authorization": {"Bearer " + p.token}}, nil
}

// users calls a path below the client's users.
func (p *portcullis) users(ctx context.Context, method, path string, body, into any) error {
	header, err := p.sysadmin(ctx)
	if err != nil {
		return err
	}
	return callJSON(ctx, method, p.url+"/clients/"+p.root.Client+"/users"+path, header, body, into)
}

func (p *portcullis) create(ctx context.Context, username, password string) error {
	return p.users(ctx, "POST", "", map[string]string{
		"username": username, "role": "Manager", "name": username, "email": username + "@demo.example", "password": password,
	}, nil)
}

func (p *portcullis) unlock(ctx context.Context, username string) error {
	return p.users(ctx, "POST", "/"+username+"/unlock", nil, nil)
}

func (p *portcullis) guess(username, password string) load.Request {
	body, _ := json.Marshal(map[string]string{"client": p.root.Client, "username": username, "password": password}) // strings always can be
	return load.NewRequest(p.url, "POST", "/login", string(body), "Content-Type", "application/json")
}

func (p *portcullis) judge(a load.Answer) verdict {
	switch {
	case a.Status == http.StatusOK && bytes.Contains(a.Body, []byte(`"access_token"`)):
		return right
	case a.Status == http.StatusUnauthorized && bytes.Contains(a.Body, []byte("problem:invalid-credentials")):
		return wrong
	case a.Status == http.StatusLocked && bytes.Contains(a.Body, []byte("problem:user-locked")):
		return locked
	}
	return other
}

// compared asks for the user: each comparison is settled as a failed attempt.
func (p *portcullis) compared(ctx context.Context, username string, _ tally) (int, error) {
	var user struct {
		Failed int `json:"failed_attempts"`
	}
	err := p.users(ctx, "GET", "/"+username, nil, &user)
	return user.Failed, err
}

func (p *portcullis) bare(ctx context.Context, duration time.Duration) (load.Sample, error) {
	salt := []byte(rand.Text())[:16]
	hash := func() []byte { return argon2.IDKey([]byte(rightPassword), salt, 2, 19456, 1, 32) }
	stored := hash()
	return timed(ctx, duration, func() error {
		if !bytes.Equal(hash(), stored) {
			return fmt.Errorf("argon2: %w", errUnequal)
		}
		return nil
	})
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"portcullis/infra/bench/load"
	"portcullis/infra/launch"
)

// What every server of a world has.
const (
	maximum   = 5               // the default, which nobody changes here
	password  = "correct-h0rse" // of every user that is made here
	processes = 8               // of each function
	callTime  = time.Minute     // for what is counted and not timed
	stopTime  = 20 * time.Second
	tokenTime = 10 * time.Minute // less than an access token is good for
)

// A world is a server with its Sysadmin.
type world struct {
	*bench
	name   string
	folder string // for whatever the world keeps
	server *launch.Server
	*desk
	perSecond float64 // hashes, about
	made      map[string]bool
}

// open starts a world.
func (b *bench) open(ctx context.Context, name string) (*world, error) {
	w := &world{bench: b, name: name, made: make(map[string]bool)}
	var err error
	if w.perSecond, err = b.hash.perSecond(ctx); err != nil {
		return nil, err
	}
	if w.folder, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	flags := []string{"-data", filepath.Join(w.folder, "data")}
	if name == functionsWorld {
		flags = []string{"-functions", b.settings.functions, "-processes", fmt.Sprint(processes)}
		if os.Getenv("AWS_ENDPOINT_URL") == "" {
			err = errors.New("AWS_ENDPOINT_URL is not set: run `make bench`, which starts MiniStack, or take -world embedded")
		}
	}
	if err == nil {
		w.server, err = launch.Local(b.local, nil, flags...)
	}
	if err != nil {
		_ = os.RemoveAll(w.folder)
		return nil, err
	}
	w.desk = newDesk(w.server.Base, w.server.People)
	return w, nil
}

func (w *world) close() {
	w.server.Stop(stopTime)
	_ = os.RemoveAll(w.folder)
}

// A desk is where the Sysadmin works.
type desk struct {
	base string
	root launch.Person

	mu    sync.Mutex
	token string
	since time.Time
}

func newDesk(base string, people []launch.Person) *desk {
	i := slices.IndexFunc(people, func(p launch.Person) bool { return p.Role == "Sysadmin" })
	return &desk{base: base, root: people[i]}
}

// bearer returns the header of the Sysadmin's token.
func (d *desk) bearer(ctx context.Context) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.since) > tokenTime {
		var session struct {
			AccessToken string `json:"access_token"`
		}
		if err := d.send(ctx, d.login(d.root.Username, d.root.Password), http.StatusOK, &session); err != nil {
			return nil, fmt.Errorf("logging the Sysadmin in: %w", err)
		}
		d.token, d.since = session.AccessToken, time.Now()
	}
	return []string{"Authorization", "Bearer " + d.token}, nil
}

// call makes one request as the Sysadmin. The body and the answer may be nil.
func (d *desk) call(ctx context.Context, method, path string, body any, status int, answer any) error {
	header, err := d.bearer(ctx)
	if err != nil {
		return err
	}
	if body == nil {
		return d.send(ctx, load.NewRequest(d.base, method, path, "", header...), status, answer)
	}
	request, err := load.NewJSON(d.base, method, path, body, header...)
	if err != nil {
		return err
	}
	return d.send(ctx, request, status, answer)
}

// A 503 is no verdict and asks to come again: the emulator of AWS cuts a
// connection now and then.
const (
	sendTries = 4
	sendPause = time.Second
)

// send sends a request and wants a status.
func (d *desk) send(ctx context.Context, request load.Request, status int, answer any) error {
	for try := 1; ; try++ {
		got, err := d.once(ctx, request)
		switch {
		case err != nil:
			return err
		case got.Status == http.StatusServiceUnavailable && try < sendTries:
			if err := pause(ctx, sendPause); err != nil {
				return err
			}
			continue
		case got.Status != status:
			return fmt.Errorf("got status %d, want %d: %.300s", got.Status, status, got.Body)
		case answer == nil:
			return nil
		}
		return json.Unmarshal(got.Body, answer)
	}
}

// once sends a request over a connection of its own.
func (d *desk) once(ctx context.Context, request load.Request) (load.Answer, error) {
	conn, err := load.Dial(ctx, d.base)
	if err != nil {
		return load.Answer{}, err
	}
	defer conn.Close()
	return conn.Do(ctx, request)
}

// login is a login's request. A name and a password of ours need no escaping.
func (d *desk) login(username, password string) load.Request {
	body := fmt.Sprintf(`{"client":%q,"username":%q,"password":%q}`, d.root.Client, username, password)
	return load.NewRequest(d.base, "POST", "/login", body, "Content-Type", "application/json")
}

// path is what a request about the client begins with, and more.
func (d *desk) path(more string) string { return "/clients/" + d.root.Client + more }

// names returns n user names that begin alike.
func names(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%05d", prefix, i)
	}
	return all
}

// makers is how many users are made at once.
const makers = 4

// people makes n users whose names begin alike, those of them who are not there.
func (w *world) people(ctx context.Context, prefix string, n int) ([]string, error) {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(makers)
	all := names(prefix, n)
	if n > 2*makers {
		fmt.Fprintf(w.progress, "bench: %s: making %d users, %s-…\n", w.name, n, prefix)
	}
	for _, name := range all {
		if w.made[name] {
			continue
		}
		w.made[name] = true
		work.Go(func() error {
			user := map[string]string{"username": name, "role": "Manager", "name": name, "email": name + "@demo.example", "password": password}
			if err := w.call(ctx, "POST", w.path("/users"), user, http.StatusCreated, nil); err != nil {
				return fmt.Errorf("making user %s: %w", name, err)
			}
			return nil
		})
	}
	return all, work.Wait()
}

// mostUnlocked is how many one request unlocks.
const mostUnlocked = 100

// forgive clears the counts of users.
func (w *world) forgive(ctx context.Context, usernames []string) error {
	for some := range slices.Chunk(usernames, mostUnlocked) {
		err := w.call(ctx, "POST", w.path("/unlocks"), map[string]any{"usernames": some, "reason": "bench"}, http.StatusOK, nil)
		if err != nil {
			return fmt.Errorf("unlocking: %w", err)
		}
	}
	return nil
}

// lock locks users, by wrong guesses.
func (d *desk) lock(ctx context.Context, usernames []string) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(makers)
	for _, name := range usernames {
		work.Go(func() error {
			for range maximum - 1 {
				if err := d.send(ctx, d.login(name, "wrong"), http.StatusUnauthorized, nil); err != nil {
					return fmt.Errorf("locking %s: %w", name, err)
				}
			}
			return d.send(ctx, d.login(name, "wrong"), http.StatusLocked, nil)
		})
	}
	return work.Wait()
}

// mostOdd is the share of answers that may be others than the wanted one: the
// emulator of AWS cuts a connection now and then, which is a 503.
const mostOdd = 0.01

// ask runs a load that wants one status, of the world's server if it names none.
func (w *world) ask(ctx context.Context, l load.Load, status int) (load.Sample, error) {
	if l.Base == "" {
		l.Base = w.base
	}
	if l.Duration == 0 {
		l.Duration = w.duration
	}
	s, err := l.Run(ctx)
	if err == nil && float64(len(s.Times)-s.Statuses[status]) > mostOdd*float64(len(s.Times)) {
		err = fmt.Errorf("got answers %v, want %d", s.Statuses, status)
	}
	return s, err
}

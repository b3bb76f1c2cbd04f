package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"portcullis/infra/bench/load"
	"portcullis/infra/launch"
	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/embedded"
	"portcullis/internal/environ"
	"portcullis/internal/users"
)

// Of a list.
const (
	few         = 100 // users of the short list
	lockedUsers = 20  // who are locked in each
	writers     = 64  // that fill a store at once
)

// A shelf is where users are put without asking a server.
type shelf interface {
	Create(ctx context.Context, user access.User, phc string, entry audit.Entry) error
}

// lists measures a page of a short and of a long list, the list of the locked,
// and a search. The embedded store has a server for each, asked by turns; the
// emulator of AWS has one table, which is asked before and after it is filled.
func (w *world) lists(ctx context.Context) error {
	table := load.Table{
		Title: fmt.Sprintf("%s: GET /users as the Sysadmin, 1 client; %d users are locked", w.name, lockedUsers),
		Head:  []string{"list", "users", "p50", "p99", "a second"}, Words: 1,
	}
	measured := w.listsEmbedded
	if w.name == functionsWorld {
		measured = w.listsFunctions
	}
	if err := measured(ctx, &table); err != nil {
		return err
	}
	w.report.table(table)
	return nil
}

// pages are the lists that are asked for.
func pages() []struct{ name, query string } {
	return []struct{ name, query string }{
		{"a page of 50", "?limit=50"},
		{"the locked", "?locked=true&limit=50"},
		{"a search that finds one", "?q=listed-00077"},
	}
}

func (w *world) listsEmbedded(ctx context.Context, table *load.Table) error {
	sizes := []int{few, w.many}
	desks := make([]*desk, len(sizes))
	for i, size := range sizes {
		d, stop, err := w.library(ctx, size)
		if err != nil {
			return fmt.Errorf("a server with %d users: %w", size, err)
		}
		defer stop()
		desks[i] = d
	}
	for _, page := range pages() {
		var things []load.Thing
		for i, size := range sizes {
			things = append(things, load.Thing{Name: fmt.Sprintf("users=%d", size), Run: w.listing(desks[i], page.query)})
		}
		samples, err := w.rounds(ctx, "List/"+w.name+"/"+page.name, things)
		if err != nil {
			return err
		}
		for i, size := range sizes {
			tellList(table, page.name, size, samples[things[i].Name])
		}
	}
	return nil
}

func (w *world) listsFunctions(ctx context.Context, table *load.Table) error {
	shelf, err := tableOfUsers()
	if err != nil {
		return err
	}
	filled := 0
	for _, size := range []int{few, w.many} {
		if err := w.fill(ctx, shelf, filled, size); err != nil {
			return err
		}
		if filled == 0 {
			if err := w.lock(ctx, names("listed", lockedUsers)); err != nil {
				return err
			}
		}
		filled = size
		for _, page := range pages() {
			thing := load.Thing{Name: fmt.Sprintf("users=%d", size), Run: w.listing(w.desk, page.query)}
			samples, err := w.rounds(ctx, "List/"+w.name+"/"+page.name, []load.Thing{thing})
			if err != nil {
				return err
			}
			tellList(table, page.name, size, samples[thing.Name])
		}
	}
	return nil
}

func tellList(table *load.Table, name string, size int, s []load.Sample) {
	table.Add(name, fmt.Sprint(size), load.Over(s, load.P50).Text(load.Nanoseconds), load.Over(s, load.P99).Text(load.Nanoseconds),
		load.Over(s, load.PerSecond).Text(load.Number))
}

// listing asks a server for a list.
func (w *world) listing(d *desk, query string) func(context.Context) (load.Sample, error) {
	return func(ctx context.Context) (load.Sample, error) {
		header, err := d.bearer(ctx)
		if err != nil {
			return load.Sample{}, err
		}
		request := load.NewRequest(d.base, "GET", d.path("/users"+query), "", header...)
		return w.ask(ctx, load.Load{Base: d.base, Clients: 1, Next: func(int, int) load.Request { return request }}, http.StatusOK)
	}
}

// library starts an embedded server with users of that number, made while it
// does not run.
func (w *world) library(ctx context.Context, size int) (d *desk, stop func(), err error) {
	folder := filepath.Join(w.folder, fmt.Sprintf("list-%d", size))
	server, err := launch.Local(w.local, nil, "-data", folder)
	if err != nil {
		return nil, nil, err
	}
	people := server.People
	server.Stop(stopTime)
	if err := w.fillFolder(ctx, folder, size); err != nil {
		return nil, nil, err
	}
	if server, err = launch.Local(w.local, nil, "-data", folder); err != nil {
		return nil, nil, err
	}
	d = newDesk(server.Base, people)
	if err := d.lock(ctx, names("listed", lockedUsers)); err != nil {
		server.Stop(stopTime)
		return nil, nil, err
	}
	return d, func() { server.Stop(stopTime) }, nil
}

func (w *world) fillFolder(ctx context.Context, folder string, size int) (err error) {
	store, err := embedded.Open(folder, embedded.Options{Hasher: cheap(), Now: time.Now, NewID: environ.NewID})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return w.fill(ctx, store.Users, 0, size)
}

// cheap is a hasher that costs nearly nothing: nobody logs in as these users.
func cheap() *users.Hasher {
	return users.NewHasher(users.Params{Memory: 8, Time: 1, Threads: 1}, rand.Reader, 0)
}

// fill puts users on a shelf, from the n-th on.
func (w *world) fill(ctx context.Context, shelf shelf, from, size int) error {
	phc, err := cheap().Hash(ctx, password)
	if err != nil {
		return err
	}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(writers)
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i, name := range names("listed", size)[from:] {
		if (i+1)%1000 == 0 {
			fmt.Fprintf(w.progress, "bench: List/%s: %d of %d users made\n", w.name, from+i+1, size)
		}
		work.Go(func() error {
			user := access.User{
				Client: w.root.Client, Username: name, Role: access.Manager, Name: "Listed " + name, Email: name + "@demo.example",
				CreatedAt: now, SessionsSince: now,
			}
			return shelf.Create(ctx, user, phc, audit.Entry{
				Client: user.Client, ID: environ.NewID(), At: now, Action: audit.UserCreated, Actor: "portcullis", Username: name,
			})
		})
	}
	return work.Wait()
}

// tableOfUsers is the table that the functions read.
func tableOfUsers() (shelf, error) {
	in, err := environ.Parse[struct {
		environ.AWS
		Users environ.Table `env:"PORTCULLIS_USERS_TABLE,required,notEmpty"`
		Audit environ.Table `env:"PORTCULLIS_AUDIT_TABLE,required,notEmpty"`
	}](os.Environ())
	if err != nil {
		return nil, err
	}
	db := dynamodb.NewFromConfig(in.AWS.Config())
	return users.New(db, string(in.Users), cheap(), audit.New(db, string(in.Audit))), nil
}

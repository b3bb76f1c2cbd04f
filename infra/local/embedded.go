package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/infra"
	"portcullis/internal/access"
	"portcullis/internal/bearer"
	"portcullis/internal/console"
	"portcullis/internal/directory"
	"portcullis/internal/embedded"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/secrets"
	"portcullis/internal/users"
)

// functionTime is how long a function may take, and so how long an attempt can
// live: the timeout of template.yaml.
const functionTime = 10 * time.Second

// version is what GET /health says of a server that nobody deployed.
const version = "dev"

// inProcess is the backend of the embedded world: the handlers of the
// functions, called directly.
type inProcess struct {
	authorizer httpapi.AuthorizerFunc
	handler    httpapi.Handler
}

func (b inProcess) Authorize(
	ctx context.Context, event events.APIGatewayCustomAuthorizerRequestTypeRequest,
) (events.APIGatewayCustomAuthorizerResponse, error) {
	return b.authorizer(ctx, event)
}

func (b inProcess) Handle(
	ctx context.Context, _ access.Route, event events.APIGatewayProxyRequest,
) (events.APIGatewayProxyResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, functionTime)
	defer cancel()
	return b.handler(ctx, event)
}

// openEmbedded opens the data folder and puts the handlers on it.
func (s *settings) openEmbedded(log *slog.Logger) (world, error) {
	dir, remove, err := s.folder()
	if err != nil {
		return world{}, err
	}
	site, err := console.New()
	if err != nil {
		return world{}, errors.Join(err, remove())
	}
	hasher := users.NewHasher(users.DefaultParams(), rand.Reader, 0) // as many at once as there are cores
	store, err := embedded.Open(dir, embedded.Options{Hasher: hasher, Now: time.Now, NewID: environ.NewID})
	if errors.Is(err, embedded.ErrInUse) {
		return world{}, fmt.Errorf("%w; choose another with -data, or use -ephemeral", err)
	}
	if err != nil {
		return world{}, errors.Join(err, remove())
	}
	d := &directory.Directory{
		Users: store.Users, Tokens: store.Tokens, Attempts: store.Attempts,
		Hasher: hasher, Now: time.Now, NewID: environ.NewID,
	}
	return world{
		backend: newInProcess(store, d, site, log, s.origins),
		origins: s.origins,
		where:   s.whereData(dir),
		demo:    func(ctx context.Context) (guests, error) { return s.demoClient(ctx, store, d) },
		close:   func() error { return errors.Join(store.Close(), remove()) },
	}, nil
}

// whereData tells where the data folder is, and how to begin anew.
func (s *settings) whereData(dir string) string {
	if s.ephemeral {
		return fmt.Sprintf("The data is in %s, which is removed at the end.", dir)
	}
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole
	}
	return fmt.Sprintf("The data is in %s. To begin anew, remove that folder while this is stopped; or use -ephemeral.", dir)
}

// newInProcess wires the handlers as the functions do.
func newInProcess(store *embedded.Store, d *directory.Directory, site console.Site, log *slog.Logger, origins []string) inProcess {
	edge := httpapi.Edge{Log: log, Now: time.Now, Key: users.UserKey, Origins: origins}
	verifier := &bearer.Verifier{Issuer: embedded.Issuer, ClientID: embedded.ClientID, Keys: store.Tokens, Now: time.Now}
	return inProcess{authorizer: httpapi.Authorizer(edge, verifier, store.Users), handler: httpapi.Mux(edge, handlers(store, d, site, edge))}
}

// handlers has one entry for each of access.Routes and access.ConsoleRoutes.
func handlers(
	store *embedded.Store, d *directory.Directory, site console.Site, edge httpapi.Edge,
) map[string]httpapi.Handler {
	gate := &lockout.Gate[users.Credential]{
		Attempts: store.Attempts, Glance: store.Attempts, Credentials: store.Users, Maximums: store.Policies,
		Clock: environ.Clock{}, NewID: environ.NewID, Jitter: environ.Jitter, Lifetime: functionTime,
	}
	unlocker := &lockout.Unlocker{Attempts: store.Attempts, Maximums: store.Policies, Now: time.Now, NewID: environ.NewID}
	cursors := httpapi.Cursors{Keys: secrets.New("cursor key", store.CursorKey, time.Now)}
	handlers := httpapi.Preflights(edge)
	maps.Copy(handlers, map[string]httpapi.Handler{
		"POST /login":       httpapi.Login(edge, gate, users.LoginKey, store.Tokens),
		"POST /token":       httpapi.Token(edge, store.Tokens, store.Users, store.Attempts),
		"POST /logout":      httpapi.Logout(edge, store.Tokens),
		"GET /health":       httpapi.Health(edge, version, store.Check),
		"GET /openapi.yaml": httpapi.OpenAPI(edge, infra.Contract()),
		"POST /clients/{client}/users/{username}/unlock":  httpapi.Unlock(edge, unlocker, store.Users),
		"POST /clients/{client}/unlocks":                  httpapi.UnlockMany(edge, unlocker, store.Users),
		"GET /clients/{client}/policy":                    httpapi.GetPolicy(edge, store.Policies),
		"PUT /clients/{client}/policy":                    httpapi.PutPolicy(edge, store.Policies, store.Trail, environ.NewID),
		"DELETE /clients/{client}/policy":                 httpapi.DeletePolicy(edge, store.Policies, store.Trail, environ.NewID),
		"GET /clients/{client}/users":                     httpapi.ListUsers(edge, store.Users, store.Attempts, store.Policies, cursors),
		"GET /clients/{client}/users/{username}":          httpapi.GetUser(edge, store.Users, store.Attempts, store.Policies),
		"POST /clients/{client}/users":                    httpapi.CreateUser(edge, d, store.Attempts, store.Policies),
		"PUT /clients/{client}/users/{username}":          httpapi.UpdateUser(edge, d, store.Attempts, store.Policies),
		"PUT /clients/{client}/users/{username}/password": httpapi.SetPassword(edge, d),
		"DELETE /clients/{client}/users/{username}":       httpapi.DeleteUser(edge, d),
		"GET /clients/{client}/audit":                     httpapi.GetAudit(edge, store.Trail, cursors),

		"GET /console":          httpapi.ConsoleRoot(edge),
		"GET /console/{proxy+}": httpapi.Console(edge, site.Find),
	})
	return handlers
}

// demoClient makes the demo client in a store that does not have it; its users
// have their passwords only then.
func (s *settings) demoClient(ctx context.Context, store *embedded.Store, d *directory.Directory) (guests, error) {
	there, err := store.Users.ClientExists(ctx, demo)
	if err != nil {
		return guests{}, err
	}
	var made guests
	if there {
		made.people, err = listPeople(ctx, store)
	} else {
		made.people, err = makePeople(ctx, d)
	}
	if err != nil {
		return guests{}, err
	}
	made.maximum, err = s.setMaximum(ctx, store.Policies, store.Trail, demo)
	return made, err
}

func makePeople(ctx context.Context, d *directory.Directory) ([]person, error) {
	first := firstUser()
	made, err := d.Provision(ctx, directory.Provision{
		Client: demo, Username: first.Username, Name: first.Name, Email: first.Email,
		Password: newPassword(first.Username), By: lockout.ActorPortcullis,
	})
	if err != nil {
		return nil, err
	}
	rest, err := addOthers(ctx, d, demo)
	return append([]person{{demo, made.Username, made.Password, first.Role}}, rest...), err
}

// mostListed is more users than anybody makes in a demonstration.
const mostListed = 100

func listPeople(ctx context.Context, store *embedded.Store) ([]person, error) {
	all, _, err := store.Users.List(ctx, access.Listing{Client: demo, Limit: mostListed})
	people := make([]person, 0, len(all))
	for _, u := range all {
		people = append(people, person{Client: u.Client, Username: u.Username, Role: u.Role})
	}
	return people, err
}

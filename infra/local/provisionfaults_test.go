package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/infra/bootstrap"
	"portcullis/infra/faults"
	"portcullis/internal/access"
	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/tokens"
	"portcullis/internal/users"
)

// provisionNever are the calls of provision-client that no event alone leads to.
var provisionNever = []string{
	"cognito-idp:AdminDeleteUser",          // if the user is deleted at the same moment
	"cognito-idp:AdminRemoveUserFromGroup", // if the user had another role; package directory tests both
}

// A provisioning is an order on a client that is prepared for it.
type provisioning struct {
	name    string
	prepare func(p *provisioner, ctx context.Context, client string) error
	order   map[string]string // without the client
	refused string            // what the order is refused with; empty if it is not
	told    bool              // the answer has a password
}

var provisionings = []provisioning{
	{name: "a new client", order: map[string]string{"username": "root"}, told: true},
	{name: "a client that is there", prepare: (*provisioner).isThere, order: map[string]string{"username": "other"}, refused: "has users"},
	{name: "a Sysadmin who is locked", prepare: (*provisioner).isLocked,
		order: map[string]string{"username": "root", "break_glass": "unlock", "reason": "nobody else is there"}},
}

// A provisioner is a function with its proxy, and the stores behind.
type provisioner struct {
	f       *pool
	proxy   *faults.Proxy
	people  *users.Store
	records *attempts.Store
	mint    *tokens.Minter
	trail   *audit.Trail
}

func newProvisioner(t *testing.T) *provisioner {
	t.Helper()
	config := lockouttest.AWS(t)
	db, parameters := dynamodb.NewFromConfig(config), ssm.NewFromConfig(config)
	trail := audit.New(db, os.Getenv("PORTCULLIS_AUDIT_TABLE"))
	p := &provisioner{
		trail:   trail,
		people:  users.New(db, os.Getenv("PORTCULLIS_USERS_TABLE"), users.NewHasher(users.DefaultParams(), rand.Reader, 1), trail),
		records: attempts.New(db, os.Getenv("PORTCULLIS_ATTEMPTS_TABLE"), trail, environ.Clock{}, environ.Jitter),
		mint: tokens.NewMinter(cognitoidentityprovider.NewFromConfig(config), parameters, os.Getenv("PORTCULLIS_USER_POOL_ID"),
			os.Getenv("PORTCULLIS_APP_CLIENT_ID"), os.Getenv("PORTCULLIS_TOKEN_SECRET_PARAMETER"), time.Now),
	}
	p.f, p.proxy = newFaulty(t, provisionFunction)
	return p
}

// provisioned is the function's answer.
type provisioned struct {
	Username, Password string
	Created, Unlocked  bool
}

// order invokes the function.
func (p *provisioner) order(ctx context.Context, client string, of map[string]string) (answer provisioned, err error) {
	event := map[string]string{"client": client, "by": "the test", "name": "", "email": "", "reason": ""}
	for name, value := range of {
		event[name] = value
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return answer, err
	}
	text, err := p.f.invoke(ctx, payload)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(text, &answer)
}

// patiently orders again while a busy machine is in the way.
func (p *provisioner) patiently(ctx context.Context, client string, of map[string]string, refused string) (answer provisioned, err error) {
	for range patientRuns {
		answer, err = p.order(ctx, client, of)
		if err == nil || refused != "" && strings.Contains(err.Error(), refused) {
			return answer, err
		}
	}
	return answer, err
}

func (p *provisioner) isThere(ctx context.Context, client string) error {
	_, err := p.patiently(ctx, client, map[string]string{"username": "root"}, "")
	return err
}

func (p *provisioner) isLocked(ctx context.Context, client string) error {
	if err := p.isThere(ctx, client); err != nil {
		return err
	}
	key, err := users.UserKey(client, "root")
	if err != nil {
		return err
	}
	now := time.Now()
	if _, err := p.records.Apply(ctx, key, lockout.Charge{AttemptID: "a", Maximum: 1, At: now}); err != nil {
		return err
	}
	_, err = p.records.Apply(ctx, key, lockout.Fail{
		Maximum: 1, Evidence: lockout.Evidence{AttemptID: "a", At: now},
		Lock: lockout.Event{ID: environ.NewID(), Kind: lockout.EventLock, At: now, Key: key, Actor: lockout.ActorPortcullis},
	})
	return err
}

// stand returns a client that is prepared, under a name of its own.
func (p *provisioner) stand(ctx context.Context, what provisioning) (client string, err error) {
	client = "c" + strings.ToLower(rand.Text()[:20])
	if what.prepare != nil {
		err = what.prepare(p, ctx, client)
	}
	return client, err
}

// A provisionTrial is one fault at one call of one order.
type provisionTrial struct {
	provisioning
	place string
	nth   int
	rule  faults.Rule
	what  string
	lasts bool
}

// provisionTrials are the faults at a call: each kind, and an outage from there on.
func provisionTrials(of provisioning, c faults.Call) []provisionTrial {
	trial := func(what string, lasts bool, rule faults.Rule) provisionTrial {
		return provisionTrial{of, c.Place(), c.Nth, rule, of.name + ": " + c.Place() + ", " + what, lasts}
	}
	var all []provisionTrial
	for _, kind := range []faults.Kind{faults.Reset, faults.Throttle, faults.Lose, faults.Slow} {
		all = append(all, trial(string(kind)+" once", false, faults.Once(faults.At(c.Place(), c.Nth, kind))))
	}
	for _, kind := range []faults.Kind{faults.Refuse, faults.Spoil, faults.Hold} {
		all = append(all, trial(string(kind)+" always", true, faults.At(c.Place(), c.Nth, kind)))
	}
	outage, met := faults.At(c.Place(), c.Nth, faults.Lose), false
	return append(all, trial("lost from there on", true, func(c faults.Call) faults.Kind {
		if met = met || outage(c) == faults.Lose; met {
			return faults.Lose
		}
		return faults.None
	}))
}

// provisioners is how many orders are tried at once.
const provisioners = 6

// TestAProvisioningThatMeetsAFaultIsFinishedByTheNext tries a fault at every call
// of every order. Package directory tries each with a process that ends there.
func TestAProvisioningThatMeetsAFaultIsFinishedByTheNext(t *testing.T) {
	trials := make(chan provisionTrial, 1000)
	made := map[string]bool{}
	first := newProvisioner(t)
	for _, what := range provisionings {
		client, err := first.stand(t.Context(), what)
		if err != nil {
			t.Fatal(err)
		}
		first.proxy.Take()
		if _, err := first.patiently(t.Context(), client, what.order, what.refused); (err != nil) != (what.refused != "") {
			t.Fatalf("%s: %v", what.name, err)
		}
		for _, c := range first.proxy.Take() {
			if c.Try > 1 {
				continue
			}
			made[c.Name()] = true
			for _, trial := range provisionTrials(what, c) {
				trials <- trial
			}
		}
	}
	close(trials)
	count := len(trials)
	var work sync.WaitGroup
	for range provisioners {
		p := newProvisioner(t)
		work.Go(func() {
			for trial := range trials {
				err := p.try(t.Context(), trial)
				for runs := 1; runs < patientRuns && errors.Is(err, errBusy); runs++ {
					err = p.try(t.Context(), trial)
				}
				if err != nil {
					t.Errorf("%s: %v", trial.what, err)
				}
			}
		})
	}
	work.Wait()
	t.Logf("%d faults were tried on %d orders", count, len(provisionings))
	checkCalls(t, provisionFunction, made, provisionNever)
}

// try tries one fault.
func (p *provisioner) try(ctx context.Context, trial provisionTrial) error {
	client, err := p.stand(ctx, trial.provisioning)
	if err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	p.proxy.Take()
	p.proxy.Inject(trial.rule)
	during, faulty := p.order(ctx, client, trial.order)
	p.proxy.Inject(nil)
	if own := (*bootstrap.Error)(nil); faulty != nil && !errors.As(faulty, &own) && !errors.Is(faulty, bootstrap.ErrTimedOut) {
		return faulty
	}
	if faulty != nil && trial.refused == "" && !trial.lasts {
		return errBusy
	}
	after, err := p.patiently(ctx, client, trial.order, trial.refused)
	if (err != nil) != (trial.refused != "") {
		return fmt.Errorf("once more: %w", err)
	}
	if trial.told && faulty == nil && during.Password == "" {
		return errors.New("the order was done, and nobody was told the password")
	}
	return p.check(ctx, client, during.Password+after.Password)
}

// check looks at what the order and its repetition have left: one client with one
// Sysadmin, who is not locked, whom the mint knows and whose password is the one
// that was told, if it was told.
func (p *provisioner) check(ctx context.Context, client, password string) error {
	key, err := users.UserKey(client, "root")
	if err != nil {
		return err
	}
	user, err := p.people.User(ctx, key)
	if err != nil || user.Role != access.Sysadmin {
		return fmt.Errorf("the Sysadmin is %+v, %v", user, err)
	}
	if _, err := p.mint.Mint(ctx, user); err != nil {
		return fmt.Errorf("the mint: %w", err)
	}
	record, err := p.records.Read(ctx, key)
	if err != nil || record.Locked() || len(record.InFlight) > 0 {
		return fmt.Errorf("their attempts are %+v, %v", record, err)
	}
	entries, _, err := p.trail.Entries(ctx, audit.Query{Client: client, Limit: 100})
	count := map[audit.Action]int{}
	for _, e := range entries {
		count[e.Action]++
	}
	if err != nil || count[audit.ClientCreated] != 1 || count[audit.UserCreated] != 1 || count[audit.Unlock] != count[audit.Lock] {
		return fmt.Errorf("the trail is %v, %v", count, err)
	}
	if password == "" {
		return nil
	}
	credential, err := p.people.Credential(ctx, key)
	if err != nil {
		return err
	}
	if same, err := credential.Compare(ctx, password); err != nil || !same {
		return fmt.Errorf("the password that was told is not theirs, %v", err)
	}
	return nil
}

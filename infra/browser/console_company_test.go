package browser_test

import (
	"context"
	cryptorand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"portcullis/infra/browser"
	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/embedded"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// The people of the company whom tests and pictures call by name. All have the
// one password: a hash costs 20 ms, and is made once.
const (
	company         = "acme"
	companyPassword = "correct-horse-7"

	theSysadmin  = "root"
	theSuperuser = "sofia.reis"
	theManager   = "ana.silva"
	theLocked    = "ben.okafor"
)

// companySize is how many users a company has, unless a test wants many: two
// pages of them.
const companySize = 84

// maximum is how many failed logins the company allows.
const maximum = 5

// A firm is a client with a past, while it is being put into a data folder: the
// embedded store is filled directly, since nobody can lock a user yesterday over
// the API.
type firm struct {
	t     testing.TB
	store *embedded.Store
	phc   string
	dice  *rand.Rand // the same firm each time
}

// furnish returns the flags with which a server serves a company: so many users
// and, if they are few enough to have one each, a month of locks and unlocks.
func furnish(t testing.TB, size int) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	hasher := users.NewHasher(users.DefaultParams(), cryptorand.Reader, 0)
	store, err := embedded.Open(dir, embedded.Options{Hasher: hasher, Now: time.Now, NewID: func() string { return idAt(time.Now()) }})
	if err != nil {
		t.Fatal(err)
	}
	f := &firm{t: t, store: store, dice: rand.New(rand.NewPCG(5, 15))}
	if f.phc, err = hasher.Hash(t.Context(), companyPassword); err != nil {
		t.Fatal(err)
	}
	f.employ(size)
	f.liveAMonth(min(size, len(firstNames)*len(lastNames)))
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return []string{"-data", dir}
}

// named returns one of the people whom tests call by name.
func named(username string) browser.Person {
	return browser.Person{Client: company, Username: username, Password: companyPassword}
}

// idAt returns an audit entry's id of a moment.
func idAt(at time.Time) string {
	return ulid.MustNew(ulid.Timestamp(at), cryptorand.Reader).String()
}

var (
	firstNames = []string{
		"Ana", "Ben", "Carla", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Inês", "Jonas", "Kwame", "Lena", "Marta", "Nuno", "Olga", "Pedro",
	}
	lastNames = []string{"Almeida", "Becker", "Costa", "Dias", "Eriksen", "Fofana", "Garcia", "Haddad", "Ivanova"}
	ascii     = map[string]string{"Inês": "Ines"}
)

// employee returns the i-th user who has no part in a test.
func employee(i int) access.User {
	first, last := firstNames[i%len(firstNames)], lastNames[i/len(firstNames)%len(lastNames)]
	spelt := first
	if plain, ok := ascii[first]; ok {
		spelt = plain
	}
	username := fmt.Sprintf("%c%s", spelt[0]|' ', string(last[0]|' ')+last[1:])
	if i < len(firstNames)*len(lastNames) {
		username = string(spelt[0]|' ') + spelt[1:] + "." + string(last[0]|' ') + last[1:]
	} else {
		username += fmt.Sprintf("%05d", i)
	}
	role := access.ITUser
	if i%5 == 0 {
		role = access.Manager
	}
	return access.User{Username: username, Role: role, Name: first + " " + last, Email: username + "@acme.example"}
}

// employ makes the users, with a hundred at a time sharing a commit.
func (f *firm) employ(size int) {
	f.t.Helper()
	began := time.Now().AddDate(0, -3, 0)
	f.must(f.store.Users.CreateClient(f.ctx(), company, began, audit.Entry{Client: company, ID: idAt(began), At: began, Action: audit.ClientCreated, Actor: lockout.ActorPortcullis}))
	all := []access.User{
		{Username: theSysadmin, Role: access.Sysadmin, Name: "Rute Dias", Email: "root@acme.example"},
		{Username: "marta.lopes", Role: access.Sysadmin, Name: "Marta Lopes", Email: "marta.lopes@acme.example"},
		{Username: theSuperuser, Role: access.Superuser, Name: "Sofia Reis", Email: "sofia.reis@acme.example"},
		{Username: theManager, Role: access.Manager, Name: "Ana Silva", Email: "ana.silva@acme.example"},
		{Username: theLocked, Role: access.ITUser, Name: "Ben Okafor", Email: "ben.okafor@acme.example"},
	}
	for i := range size - len(all) {
		all = append(all, employee(i))
	}
	work := make(chan access.User)
	var makers sync.WaitGroup
	for range 100 {
		makers.Go(func() {
			for user := range work {
				user.Client, user.CreatedAt = company, began
				entry := audit.Entry{Client: company, ID: idAt(began), At: began, Action: audit.UserCreated, Username: user.Username, Actor: company + "/" + theSysadmin, Details: audit.Details{Role: string(user.Role)}}
				f.must(f.store.Users.Create(f.ctx(), user, f.phc, entry))
			}
		})
	}
	for _, user := range all {
		work <- user
	}
	close(work)
	makers.Wait()
}

var (
	sources = []string{"203.0.113.7", "203.0.113.24", "198.51.100.3", "198.51.100.77", "192.0.2.18", "2001:db8:44::1f"}
	agents  = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
		"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
		"python-requests/2.32.3",
	}
	reasons = []string{"called from her desk phone", "new phone, old password", "caps lock", "back from leave", ""}
	proofs  = []string{"call-back", "in person", "manager confirmed", ""}
)

// liveAMonth lets users fail, lock and be unlocked, each in a time of their own.
func (f *firm) liveAMonth(size int) {
	f.t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	for day := 29; day > 0; day-- {
		for range f.dice.IntN(4) + f.dice.IntN(3)*(day%7/5) {
			at := now.AddDate(0, 0, -day).Add(time.Duration(f.dice.IntN(600)) * time.Minute / 2)
			key := f.key(employee(f.dice.IntN(size)).Username)
			f.fail(key, at, maximum)
			f.unlock(key, at.Add(time.Duration(5+f.dice.IntN(200))*time.Minute))
		}
	}
	for i, username := range []string{theLocked, employee(3).Username, employee(8).Username, employee(21).Username, employee(30).Username, employee(44).Username} {
		f.fail(f.key(username), now.Add(-time.Duration(14+i*i*47)*time.Minute), maximum)
	}
	for i, failures := range []int{1, 3, 2, 4, 1} {
		f.fail(f.key(employee(5+i*7).Username), now.Add(-time.Duration(9+i*31)*time.Minute), failures)
	}
}

// fail lets somebody type so many wrong passwords, a while before a moment.
func (f *firm) fail(key lockout.Key, until time.Time, times int) {
	f.t.Helper()
	from := f.dice.IntN(len(sources))
	for i := range times {
		at := until.Add(time.Duration(i-times) * 20 * time.Second)
		record, err := f.store.Attempts.Read(f.ctx(), key)
		f.must(err)
		if record.Locked() {
			return
		}
		id, source := idAt(at), sources[(from+i/3)%len(sources)]
		f.apply(key, lockout.Charge{AttemptID: id, Maximum: maximum, At: at})
		f.apply(key, lockout.Fail{
			Generation: record.Generation, Maximum: maximum,
			Evidence: lockout.Evidence{AttemptID: id, At: at, SourceIP: source, UserAgent: agents[from%len(agents)]},
			Lock:     lockout.Event{ID: idAt(at), Kind: lockout.EventLock, At: at, Key: key, Actor: lockout.ActorPortcullis, SourceIP: source},
		})
	}
}

func (f *firm) apply(key lockout.Key, step lockout.Transition) {
	f.t.Helper()
	result, err := f.store.Attempts.Apply(f.ctx(), key, step)
	f.must(err)
	if result.Outcome != lockout.Applied {
		f.t.Fatalf("%s: %T is %s", key, step, result.Outcome)
	}
}

func (f *firm) unlock(key lockout.Key, at time.Time) {
	f.t.Helper()
	unlocker := &lockout.Unlocker{
		Attempts: f.store.Attempts, Maximums: f.store.Policies,
		Now: func() time.Time { return at }, NewID: func() string { return idAt(at) },
	}
	actor := []string{theSysadmin, "marta.lopes"}[f.dice.IntN(2)]
	_, err := unlocker.Unlock(f.ctx(), lockout.UnlockRequest{
		Key: key, Actor: company + "/" + actor, SourceIP: "192.0.2.200",
		Reason: reasons[f.dice.IntN(len(reasons))], IdentityConfirmedBy: proofs[f.dice.IntN(len(proofs))],
	})
	f.must(err)
}

func (f *firm) key(username string) lockout.Key {
	f.t.Helper()
	key, err := users.UserKey(company, username)
	f.must(err)
	return key
}

func (f *firm) ctx() context.Context { return f.t.Context() }

func (f *firm) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Error(err)
	}
}

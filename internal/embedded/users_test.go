package embedded_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/embedded"
)

// holding opens a store that already holds users, as they are stored, by name.
func holding(t *testing.T, stored map[string]string) *embedded.Store {
	t.Helper()
	dir := folder(t)
	closeStore(t, open(t, dir, time.Now))
	edit(t, dir, func(tx *bbolt.Tx) error {
		for name, value := range stored {
			if err := tx.Bucket([]byte("users")).Put([]byte("acme/"+name), []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
	s := open(t, dir, time.Now)
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

// TestAUserOfAnEarlierVersion reads and changes one who was stored before
// sessions had a mark.
func TestAUserOfAnEarlierVersion(t *testing.T) {
	s := holding(t, map[string]string{"ana": `{"client": "acme", "username": "ana", "role": "Manager",
		"created_at": "2026-11-23T10:04:05.123Z", "password_hash": "hash"}`})
	ana := access.User{Client: "acme", Username: "ana", Role: access.Manager, CreatedAt: at(), SessionsSince: at()}
	got, err := s.Users.User(t.Context(), userKey(t, "ana"))
	if diff := cmp.Diff(got, ana); err != nil || diff != "" {
		t.Errorf("%v; got -, want +:\n%s", err, diff)
	}
	credential, err := s.Users.Credential(t.Context(), userKey(t, "ana"))
	if diff := cmp.Diff(credential.User(), ana); err != nil || diff != "" {
		t.Errorf("credential: %v; got -, want +:\n%s", err, diff)
	}
	since := at().Add(time.Second)
	if err := s.Users.SetPassword(t.Context(), ana, "another", since, entryOf(audit.PasswordSet, "ana")); err != nil {
		t.Fatal(err)
	}
	ana.SessionsSince = since
	listed, next, err := s.Users.List(t.Context(), access.Listing{Client: "acme", Limit: 10})
	if diff := cmp.Diff(listed, []access.User{ana}); err != nil || next != "" || diff != "" {
		t.Errorf("list: next %q, %v; got -, want +:\n%s", next, err, diff)
	}
}

// TestASearchAmongManyGoesOnInAnotherCall looks for the last of more users than
// one call looks at.
func TestASearchAmongManyGoesOnInAnotherCall(t *testing.T) {
	const many = 8002
	stored := map[string]string{}
	for i := range many {
		name := fmt.Sprintf("u%04d", i)
		stored[name] = fmt.Sprintf(`{"client": "acme", "username": %q, "role": "Manager"}`, name)
	}
	s := holding(t, stored)
	listing := access.Listing{Client: "acme", Limit: 10, Text: "U8001"}
	none, next, err := s.Users.List(t.Context(), listing)
	if err != nil || len(none) != 0 || next != "u7999" {
		t.Fatalf("got %v, next %q, %v; want nobody and to go on behind u7999", none, next, err)
	}
	listing.After = next
	found, next, err := s.Users.List(t.Context(), listing)
	if err != nil || len(found) != 1 || found[0].Username != "u8001" || next != "" {
		t.Errorf("got %v, next %q, %v; want u8001 and the end", found, next, err)
	}
}

// TestReadingNobodyCostsWhatReadingSomebodyDoes counts allocations, which are the
// same on every machine.
func TestReadingNobodyCostsWhatReadingSomebodyDoes(t *testing.T) {
	s := holding(t, map[string]string{"ana.silva": `{"client":"acme","username":"ana.silva","role":"Manager","name":"Ana Silva",` +
		`"email":"ana.silva@acme.example","created_at":"2026-11-23T10:04:05.123Z","sessions_since":"2026-11-23T10:04:05.123Z",` +
		`"password_hash":"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$c29tZWRpZ2VzdHNvbWVkaWdlc3Rzb21lZGlnZXN0c28"}`})
	reading := func(username string) float64 {
		key := userKey(t, username)
		return testing.AllocsPerRun(100, func() {
			if _, err := s.Users.Credential(t.Context(), key); err != nil {
				t.Error(err)
			}
		})
	}
	const closure = 2 // what only somebody's hash that is replaced may need
	if somebody, nobody := reading("ana.silva"), reading("ben.costa"); math.Abs(somebody-nobody) > closure {
		t.Errorf("%v allocations for somebody, %v for nobody", somebody, nobody)
	}
}

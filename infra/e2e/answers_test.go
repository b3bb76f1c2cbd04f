package e2e_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/directory"
	"portcullis/internal/embedded"
	"portcullis/internal/environ"
	"portcullis/internal/users"
)

// besideAnotherClient runs a test against a server of each kind, on stores that
// hold a second client; root is the Sysadmin of that one.
func besideAnotherClient(t *testing.T, test func(t *testing.T, w *world, root person)) {
	if *samAPI != "" {
		t.Run("sam", func(t *testing.T) { test(t, joinSAM(t), joinSAM(t).with(t, "Sysadmin")) })
		return
	}
	t.Run("embedded", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		root := provisionEmbedded(t, dir, person{Client: "othr", Username: "root", Password: rightPassword})
		test(t, start(t, "-data", dir), root)
	})
	t.Run("functions", func(t *testing.T) { test(t, startFunctions(t), startFunctions(t).with(t, "Sysadmin")) })
}

// provisionEmbedded makes a client in a data folder that nobody serves.
func provisionEmbedded(t *testing.T, dir string, root person) person {
	t.Helper()
	hasher := users.NewHasher(users.DefaultParams(), rand.Reader, 1)
	store, err := embedded.Open(dir, embedded.Options{Hasher: hasher, Now: time.Now, NewID: environ.NewID})
	if err != nil {
		t.Fatal(err)
	}
	d := &directory.Directory{
		Users: store.Users, Tokens: store.Tokens, Attempts: store.Attempts, Hasher: hasher, Now: time.Now, NewID: environ.NewID,
	}
	order := directory.Provision{Client: root.Client, Username: root.Username, Password: root.Password, By: "portcullis"}
	if _, err := d.Provision(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return root
}

// What nobody can tell apart by reading: every byte of every answer, from the
// first wrong login through the lock and beyond it, but for the request's id,
// its time and the client that was named.
func TestEveryByteOfARefusalIsTheSameForAll(t *testing.T) {
	besideAnotherClient(t, func(t *testing.T, w *world, root person) {
		ana, ben := w.with(t, "Manager"), w.with(t, "ITUser")
		olga := addTo(t, w, root, "olga.elsewhere")
		strangers := strangersTo(ana)
		strangers["a user of another client"] = person{ana.Client, olga.Username, olga.Password, ""}
		want := refusals(t, w, ana)
		for name, stranger := range strangers {
			if diff := cmp.Diff(want, refusals(t, w, stranger)); diff != "" {
				t.Errorf("%s (-known +other):\n%s", name, diff)
			}
		}
		w.unlock(t, ana)
		if diff := cmp.Diff(want, refusals(t, w, ana)); diff != "" {
			t.Errorf("a known user after an unlock (-before +after):\n%s", diff)
		}
		if lastPart(t) != "embedded" {
			return // elsewhere a process may know of a new maximum later than another
		}
		w.setMaximum(t, ben.Client, 2)
		if diff := cmp.Diff(refusals(t, w, ben), refusals(t, w, person{Client: ben.Client, Username: "another.nobody"})); diff != "" {
			t.Errorf("with a maximum of 2 (-known +unknown):\n%s", diff)
		}
	})
}

// strangersTo are those who do not exist, and names that cannot: no user may be
// given one of them.
func strangersTo(known person) map[string]person {
	c := known.Client
	all := map[string]person{
		"an unknown user":      {Client: c, Username: "nobody.here"},
		"a name in capitals":   {Client: c, Username: strings.ToUpper(known.Username)},
		"a user of no client":  {Client: "z" + c[1:], Username: known.Username},
		"nobody of no client":  {Client: "y" + c[1:], Username: "nobody.here"},
		"a name of 64 letters": {Client: c, Username: strings.Repeat("n", 64)},
	}
	for _, impossible := range []string{
		"a/b%c?d", "#client", " ", "..", known.Username + " ", "tab\tin\nit", strings.Repeat("é", 128),
		"\u202eright-to-left", "\uff41\uff4e\uff41", "\ufffd", "\U0001f600", `<b>"'&`,
	} {
		all[fmt.Sprintf("the impossible name %.20q", impossible)] = person{Client: c, Username: impossible}
	}
	return all
}

// addTo makes a user of root's client.
func addTo(t *testing.T, w *world, root person, username string) person {
	t.Helper()
	p := person{Client: root.Client, Username: username, Password: rightPassword, Role: "Manager"}
	a := w.call(t, "POST", "/clients/"+root.Client+"/users", w.token(t, root),
		map[string]any{"username": p.Username, "password": p.Password, "role": p.Role})
	if a.status != 201 {
		t.Fatalf("making %s: got %s", username, a)
	}
	return p
}

// refusals logs in wrongly until well after the lock, then with what would be the
// right password somewhere, and with what is refused before it is charged.
func refusals(t *testing.T, w *world, p person) []string {
	t.Helper()
	var all []string
	for range maximum + 2 {
		all = append(all, w.rawLogin(t, p, wrong(0)))
	}
	for _, password := range []string{p.Password + "0", strings.Repeat("x", 256), strings.Repeat("x", 257), "", "nul\x00"} {
		all = append(all, w.rawLogin(t, p, password))
	}
	if p.Password != "" {
		all[maximum+2] = w.rawLogin(t, p, p.Password)
	}
	return all
}

// rawLogin returns the answer to a login as it came over the wire.
func (w *world) rawLogin(t *testing.T, p person, password string) string {
	t.Helper()
	body, err := json.Marshal(loginBody(p, password))
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(w.base)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", base.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(startTime)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "POST /login HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		base.Host, len(body), body)
	answer, err := io.ReadAll(connection)
	if err != nil {
		t.Fatal(err)
	}
	return anonymous(t, answer, p)
}

var (
	requestIDLine = regexp.MustCompile(`(?mi)^X-Request-Id: (\S+)\r$`)
	dateLine      = regexp.MustCompile(`(?mi)^Date: .*\r$`)
)

// anonymous takes out the request's id, its time and the client. The clients'
// names are of one length, so that the answers are too.
func anonymous(t *testing.T, answer []byte, p person) string {
	t.Helper()
	id := requestIDLine.FindSubmatch(answer)
	if id == nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 4")) {
		t.Fatalf("not a refusal with a request id: %s", answer)
	}
	answer = dateLine.ReplaceAll(answer, []byte("Date: DATE\r"))
	return replaceAll(string(answer), string(id[1]), "ID", p.Client, "CLIENT")
}

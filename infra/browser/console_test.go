package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"portcullis/infra/browser"
)

// This file has what the tests of the console share: the way in, the way to a
// page, and an API through which they make what a page shows.

// enter types a person into the sign-in form of the console, and sends it.
func enter(page *browser.Page, who browser.Person, password string) {
	fill(page, who, password)
	page.Press("Sign in")
}

// console opens the console and signs a person in.
func console(t testing.TB, url string, who browser.Person) *browser.Page {
	t.Helper()
	page := browser.Open(t, url+"/console/")
	page.See("Sign in as a Sysadmin or Superuser.")
	enter(page, who, who.Password)
	page.See("Sign out", who.Role)
	return page
}

// goTo opens a page of the console by its name in the menu.
func goTo(page *browser.Page, name string) {
	page.Run("opening "+name, chromedp.Click(fmt.Sprintf(`//nav//a[normalize-space()=%q]`, name)))
	page.Run("waiting for "+name, chromedp.WaitVisible(fmt.Sprintf(`//h1[normalize-space()=%q]`, name)))
}

// usersPage signs a person in and opens the list of users.
func usersPage(t testing.TB, url string, who browser.Person) *browser.Page {
	t.Helper()
	page := console(t, url, who)
	goTo(page, "User")
	page.See("Updated")
	return page
}

// lookAgain makes the page do at once what it does from time to time: read again
// what it shows.
func lookAgain(page *browser.Page) {
	browser.Eval[bool](page, `document.dispatchEvent(new Event("visibilitychange"))`)
}

// until waits until a JavaScript expression is true.
func until(page *browser.Page, what, expression string) {
	page.Run("waiting until "+what, func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		_, err = chromedp.Poll[chromedp.Void]("Boolean("+expression+")", chromedp.WithPollingInterval(10*time.Millisecond))(ctx, t)
		return none, err
	})
}

// userRow is the selector of a user's row; the name has nothing to escape.
func userRow(username string) string { return fmt.Sprintf(`tr[data-username=%q]`, username) }

// A caller speaks to the API as somebody.
type caller struct {
	t       testing.TB
	url     string
	who     browser.Person
	token   string
	refresh string
}

// as logs somebody in at the API.
func as(t testing.TB, url string, who browser.Person) *caller {
	t.Helper()
	c := &caller{t: t, url: url, who: who}
	var session struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	c.want(http.StatusOK, &session, "POST", "/login", loginOf(who, who.Password))
	c.token, c.refresh = session.Access, session.Refresh
	return c
}

// loginOf is the body of a login.
func loginOf(who browser.Person, password string) map[string]string {
	return map[string]string{"client": who.Client, "username": who.Username, "password": password}
}

// An origin is where an attempt comes from.
type origin struct {
	address   string // of the loopback network; "" for the usual
	userAgent string
}

// send sends a request, with a body if there is one, and returns the answer's
// status and body.
func (c *caller) send(from origin, method, path string, body any) (int, []byte) {
	c.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	request, err := http.NewRequest(method, c.url+path, strings.NewReader(string(text)))
	if err != nil {
		c.t.Fatal(err)
	}
	if body == nil {
		request.Body, request.ContentLength = nil, 0
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", from.userAgent)
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	dialer := &net.Dialer{}
	if from.address != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from.address)}
	}
	client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, answer
}

// want sends a request, and fails the test unless the answer has the status. It
// reads the answer into a value, where there is one.
func (c *caller) want(status int, into any, method, path string, body any) {
	c.t.Helper()
	got, answer := c.send(origin{userAgent: "a test"}, method, path, body)
	if got != status {
		c.t.Fatalf("%s %s: got %d %s, want %d", method, path, got, answer, status)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(answer, into); err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// own is a path of the caller's client.
func (c *caller) own(path string) string { return "/clients/" + c.who.Client + path }

// made numbers the users that make makes.
var made atomic.Int64

// make creates a user with a role, whose name begins with a word.
func (c *caller) make(word, role string) browser.Person {
	c.t.Helper()
	who := browser.Person{
		Client: c.who.Client, Username: fmt.Sprintf("%s.%d", word, made.Add(1)), Password: "correct-horse-7", Role: role,
	}
	c.want(http.StatusCreated, nil, "POST", c.own("/users"), map[string]string{
		"username": who.Username, "role": role, "name": "N. " + word, "email": "n@demo.example", "password": who.Password,
	})
	return who
}

// fails tries n wrong passwords of a user.
func (c *caller) fails(n int, username string, from ...origin) {
	c.t.Helper()
	anybody := &caller{t: c.t, url: c.url}
	for i := range n {
		o := origin{userAgent: "a portal"}
		if len(from) > 0 {
			o = from[i%len(from)]
		}
		status, answer := anybody.send(o, "POST", "/login", loginOf(browser.Person{Client: c.who.Client, Username: username}, "wrong"))
		if status != http.StatusUnauthorized && status != http.StatusLocked {
			c.t.Fatalf("a wrong password of %s: got %d %s", username, status, answer)
		}
	}
}

// lock locks a user.
func (c *caller) lock(username string, from ...origin) {
	c.t.Helper()
	c.fails(c.maximum(), username, from...)
}

// maximum is how many failures lock a user.
func (c *caller) maximum() int {
	c.t.Helper()
	var policy struct {
		Maximum int `json:"max_failed_login_attempts_portal"`
	}
	c.want(http.StatusOK, &policy, "GET", c.own("/policy"), nil)
	return policy.Maximum
}

// A shownUser is what the API tells about a user.
type shownUser struct {
	Username string `json:"username"`
	Role     string `json:"role"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Locked   bool   `json:"locked"`
	LockedAt string `json:"locked_at"`
	LockID   string `json:"lock_id"`
	Failed   int    `json:"failed_attempts"`
}

// user reads a user.
func (c *caller) user(username string) shownUser {
	c.t.Helper()
	var user shownUser
	c.want(http.StatusOK, &user, "GET", c.own("/users/"+url.PathEscape(username)), nil)
	return user
}

// An entry is what the audit trail says, as far as tests look.
type entry struct {
	Action   string `json:"action"`
	Actor    string `json:"actor"`
	Username string `json:"username"`
	Reason   string `json:"reason"`
	Details  struct {
		IdentityConfirmedBy string `json:"identity_confirmed_by"`
	} `json:"details"`
}

// entries reads what the trail says of a user, newest first.
func (c *caller) entries(username, action string) []entry {
	c.t.Helper()
	var answer struct {
		Entries []entry `json:"entries"`
	}
	c.want(http.StatusOK, &answer, "GET", c.own("/audit?username="+username+"&action="+action), nil)
	return answer.Entries
}

// entriesSoon is entries, once there is one.
func (c *caller) entriesSoon(username, action string) []entry {
	c.t.Helper()
	late := time.After(20 * time.Second)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		if found := c.entries(username, action); len(found) > 0 {
			return found
		}
		select {
		case <-late:
			c.t.Fatalf("the trail never says %s of %s", action, username)
		case <-again.C:
		}
	}
}

// actor is the caller as the trail names them.
func (c *caller) actor() string { return c.who.Client + "/" + c.who.Username }

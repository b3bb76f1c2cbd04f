package browser_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"portcullis/infra/browser"
	"portcullis/infra/examples"
)

// fill types a login of a person into the page.
func fill(page *browser.Page, who browser.Person, password string) {
	page.Fill("Client", who.Client)
	page.Fill("User name", who.Username)
	page.Fill("Password", password)
}

// logIn does so and presses the button.
func logIn(page *browser.Page, who browser.Person, password string) {
	fill(page, who, password)
	page.Press("Log in")
}

// typed fails the test unless the form still has a login of a person.
func typed(t *testing.T, page *browser.Page, who browser.Person, password string) {
	t.Helper()
	got := [3]string{page.Value("Client"), page.Value("User name"), page.Value("Password")}
	if want := [3]string{who.Client, who.Username, password}; got != want {
		t.Errorf("the form has %q, want %q", got, want)
	}
}

// gone fails the test unless the password is dropped and the rest kept, with the
// focus where to go on.
func gone(t *testing.T, page *browser.Page, who browser.Person, focus string) {
	t.Helper()
	typed(t, page, who, "")
	if got := page.Focus(); got != focus {
		t.Errorf("the focus is on %q, want %q", got, focus)
	}
}

func TestThePortalCountsDownToTheLockAndSaysWhomToAsk(t *testing.T) {
	s := browser.Serve(t, "-max-attempts", "3")
	who := s.With(t, "Manager")
	page := browser.Open(t, s.URL+examples.Login)
	logIn(page, who, "wrong")
	page.See("The user name or the password is wrong.", "2 attempts are left before the user is locked.")
	gone(t, page, who, "password")
	page.Fill("Password", "wrong too")
	page.Key(kb.Enter)
	page.See("1 attempt is left. If it is wrong too, the user is locked.")
	page.Screenshot("portal-wrong")
	for _, password := range []string{"the last", who.Password} {
		page.Fill("Password", password)
		page.Press("Log in")
		page.See("This user is locked.", "Ask a Sysadmin of "+who.Client+" to unlock this user.")
		gone(t, page, who, "username")
	}
	logIn(page, s.With(t, "Sysadmin"), s.With(t, "Sysadmin").Password)
	page.See("You are logged in", "root", "Sysadmin")
}

func TestThePortalLogsInAndOut(t *testing.T) {
	s := browser.Serve(t)
	who := s.With(t, "Manager")
	page := browser.Open(t, s.URL+"/examples/")
	logIn(page, who, who.Password)
	page.See("You are logged in", who.Username, who.Client, "Manager", "Log out")
	page.SeeNo("Password")
	if page.Focus() != "title" {
		t.Errorf("the focus is on %q, want the heading that has changed", page.Focus())
	}
	if stored := browser.Eval[int](page, `localStorage.length + sessionStorage.length + document.cookie.length`); stored != 0 {
		t.Error("the page has stored something")
	}
	page.Press("Log out")
	page.See("You are logged out.", "Log in to the portal")
	typed(t, page, browser.Person{}, "")
	logIn(page, who, who.Password)
	page.See("You are logged in")
}

func TestThePortalSaysWhichValueCannotBe(t *testing.T) {
	page := browser.Open(t, browser.Serve(t).URL+examples.Login)
	who := browser.Person{Client: "No Such/Client", Username: "ana.silva"}
	logIn(page, who, "what was typed")
	page.See("This cannot be a login.", "The client is not the name of a client.")
	typed(t, page, who, "what was typed")
	if page.Focus() != "client" {
		t.Errorf("the focus is on %q, want the client", page.Focus())
	}
}

// A faulty is a proxy that now and then answers in the place of the server
// behind it.
type faulty struct {
	*httptest.Server
	behind  http.Handler
	manager browser.Person // of the server behind
	mu      sync.Mutex
	faults  []http.HandlerFunc // the next answers to a POST
	posts   []string           // the paths that were asked for
	came    chan string        // each of them, as it comes
	brief   bool               // sessions last a second, as far as the page knows
}

func inFrontOf(t *testing.T, s *browser.Server) *faulty {
	t.Helper()
	behind, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{came: make(chan string, 100)}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(behind) },
		ModifyResponse: f.shorten,
	}
	f.behind, f.manager = proxy, s.With(t, "Manager")
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := f.next(r); fault != nil {
			fault(w, r)
			return
		}
		f.behind.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// shorten makes a session last a second, where that is wanted.
func (f *faulty) shorten(r *http.Response) error {
	if !f.brief || r.Request.Method != http.MethodPost {
		return nil
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	text = bytes.Replace(text, []byte(`"expires_in":900`), []byte(`"expires_in":1`), 1)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

// next notes a request, and returns the fault that is its answer.
func (f *faulty) next(r *http.Request) http.HandlerFunc {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method != http.MethodPost {
		return nil
	}
	f.posts = append(f.posts, r.URL.Path)
	f.came <- r.URL.Path
	if len(f.faults) == 0 {
		return nil
	}
	fault := f.faults[0]
	f.faults = f.faults[1:]
	return fault
}

func (f *faulty) fail(faults ...http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, faults...)
}

// asked returns how often a path was.
func (f *faulty) asked(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, post := range f.posts {
		if post == path {
			n++
		}
	}
	return n
}

// await waits until a path is asked for.
func (f *faulty) await(t *testing.T, path string) {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case came := <-f.came:
			if came == path {
				return
			}
		case <-late:
			t.Fatalf("nobody asks for %s", path)
		}
	}
}

// busy answers as an API that wants to be left alone for some seconds.
func busy(status int, seconds string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", seconds)
		w.WriteHeader(status)
	}
}

// hangUp ends the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestThePortalWaitsAsLongAsItIsAskedTo(t *testing.T) {
	s := browser.Serve(t)
	who := s.With(t, "Manager")
	for status, headline := range map[int]string{
		429: "Several logins of this user came at once.",
		503: "Logging in is not possible at the moment.",
	} {
		f := inFrontOf(t, s)
		f.fail(busy(status, "2"))
		page := browser.Open(t, f.URL+examples.Login)
		logIn(page, who, who.Password)
		page.See(headline, "The button counts down", "Try again in")
		page.Key(kb.Enter) // nothing, while it counts
		page.See("You can try again now.", "Log in")
		if n := f.asked("/login"); n != 1 {
			t.Errorf("%d: got %d logins, want no other until the user says so", status, n)
		}
		typed(t, page, who, who.Password)
		page.Press("Log in")
		page.See("You are logged in")
	}
}

func TestThePortalToldNothingKeepsWhatWasTyped(t *testing.T) {
	s := browser.Serve(t)
	for _, test := range []struct {
		name, complaint, want string
		fault                 http.HandlerFunc
	}{
		{"by a network that fails", "net::ERR_EMPTY_RESPONSE", "The login service cannot be reached.", hangUp},
		{"by an answer that is cut", "net::ERR_CONTENT_LENGTH_MISMATCH", "The login service cannot be reached.", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"access_token": "`))
		}},
		{"by a fault", "", "look up the request r-1.", refused(500, `{"request_id": "r-1"}`)},
		{"by a firewall", "", "The service answered 403.", refused(403, `<html><script>alert("no")</script>`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := inFrontOf(t, s)
			f.fail(test.fault)
			page := browser.Open(t, f.URL+examples.Login)
			if test.complaint != "" {
				page.Allow(test.complaint)
			}
			who := browser.Person{Client: "demo", Username: "ana.silva"}
			logIn(page, who, "typed")
			page.See(test.want)
			typed(t, page, who, "typed")
		})
	}
}

// refused answers with a problem.
func refused(status int, problem string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, problem)
	}
}

func TestThePortalRenewsItsSessionQuietly(t *testing.T) {
	f := inFrontOf(t, browser.Serve(t))
	f.brief = true
	page := browser.Open(t, f.URL+examples.Login)
	logIn(page, f.manager, f.manager.Password)
	page.See("You are logged in")
	for range 3 {
		f.await(t, "/token")
	}
	page.See("You are logged in")
	page.Press("Log out")
	page.See("You are logged out.")
}

func TestARenewalThatFailsIsTriedAgainAndOneThatIsRefusedEndsTheSession(t *testing.T) {
	s := browser.Serve(t)
	for name, test := range map[string]struct {
		fault http.HandlerFunc
		want  string
	}{
		"as it is over":      {refused(401, `{}`), "Your session has ended."},
		"as the user is now": {refused(423, `{"detail": "Ask a Sysadmin of demo."}`), "Ask a Sysadmin of demo."},
	} {
		t.Run(name, func(t *testing.T) {
			f := inFrontOf(t, s)
			f.brief = true
			page := browser.Open(t, f.URL+examples.Login)
			fill(page, f.manager, f.manager.Password)
			passed := func(w http.ResponseWriter, r *http.Request) { f.behind.ServeHTTP(w, r) }
			f.fail(passed, busy(503, "1"), refused(200, `{"access_token": "x", "expires_in": 1}`), test.fault)
			page.Press("Log in")
			page.See("You are logged in")
			page.See(test.want, "Log in to the portal")
			if n := f.asked("/token"); n != 3 {
				t.Errorf("got %d renewals, want 3", n)
			}
		})
	}
}

func TestWhatAnAnswerSaysIsTextAndNoMarkup(t *testing.T) {
	f := inFrontOf(t, browser.Serve(t))
	const markup = `<img src=x onerror=alert(1)><b>Ask</b>`
	f.fail(refused(423, `{"detail": "`+markup+`"}`))
	page := browser.Open(t, f.URL+examples.Login)
	logIn(page, browser.Person{Client: "demo", Username: "ana.silva"}, "typed")
	page.See(markup)
}

// elsewhere serves the login page from a port of its own, for an API of another
// origin. It returns the page's origin.
func elsewhere(t *testing.T, api func() string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		examples.Handler(api()).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestThePortalOfAnotherOriginLogsInWhereItIsAllowed(t *testing.T) {
	var api string
	portal := elsewhere(t, func() string { return api })
	s := browser.Serve(t, "-max-attempts", "2", "-allow-origin", portal)
	api = s.URL
	who := s.With(t, "Manager")
	page := browser.Open(t, portal+examples.Login)
	logIn(page, who, "wrong")
	page.See("1 attempt is left.")
	page.Fill("Password", who.Password)
	page.Press("Log in")
	page.See("You are logged in", who.Username)
	page.Press("Log out")
	page.See("You are logged out.")
	logIn(page, who, "wrong")
	page.See("1 attempt is left.")
	logIn(page, who, "wrong")
	page.See("This user is locked.", "Ask a Sysadmin of "+who.Client)
}

func TestThePortalOfAnotherOriginIsKeptOut(t *testing.T) {
	for name, flags := range map[string][]string{
		"where no origin is allowed":  nil,
		"where another is allowed":    {"-allow-origin", "https://portal.example.com"},
		"where only the host is same": {"-allow-origin", "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := browser.Serve(t, flags...)
			page := browser.Open(t, elsewhere(t, func() string { return s.URL })+examples.Login)
			page.Allow("blocked by CORS policy")
			page.Allow("net::ERR_FAILED")
			who := s.With(t, "Manager")
			logIn(page, who, who.Password)
			page.See("The login service cannot be reached.")
		})
	}
}

// TestThePortalFits looks for what sticks out at any width, and leaves pictures
// for a person to judge the rest by.
func TestThePortalFits(t *testing.T) {
	s := browser.Serve(t, "-max-attempts", "1")
	f := inFrontOf(t, s)
	page := browser.Open(t, f.URL+examples.Login)
	who := s.With(t, "Manager")
	shoot := func(name string) {
		for _, scheme := range []string{"light", "dark"} {
			page.Prefer(scheme)
			for _, width := range []int64{320, 360, 768, 1280, 2560} {
				page.Resize(width, 760)
				if out := browser.Eval[int](page, `document.documentElement.scrollWidth - innerWidth`); out > 0 {
					t.Errorf("%s at %d px: %d px stick out", name, width, out)
				}
				if width == 360 || width == 1280 {
					page.Screenshot(fmt.Sprintf("portal-%s-%d-%s", name, width, scheme))
				}
			}
		}
	}
	shoot("form")
	logIn(page, who, "wrong")
	page.See("This user is locked.")
	shoot("locked")
	logIn(page, browser.Person{Client: "demo", Username: strings.Repeat("long", 16)}, "wrong")
	page.See("locked")
	admin := s.With(t, "Sysadmin")
	logIn(page, admin, admin.Password)
	page.See("You are logged in")
	shoot("session")
	again := browser.Open(t, f.URL+examples.Login)
	f.fail(busy(503, "240"))
	logIn(again, admin, admin.Password)
	again.See("Try again in 2")
	page = again
	shoot("waiting")
}

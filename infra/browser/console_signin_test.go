package browser_test

import (
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"portcullis/infra/browser"
)

// rightRefresh is the status with which a refresh token renews.
func rightRefresh(t *testing.T, url, refresh string) int {
	t.Helper()
	status, _ := (&caller{t: t, url: url}).send(origin{}, "POST", "/token", map[string]string{"refresh_token": refresh})
	return status
}

func TestTheConsoleLetsASysadminInAndOutByTheKeyboard(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	who := n.of.With(t, "Sysadmin")
	page := browser.Open(t, n.URL+"/console/")
	page.See("Sign in as a Sysadmin or Superuser.")
	page.Key(who.Client + "\t" + who.Username + "\t" + who.Password + kb.Enter)
	page.See("Sign out", who.Username)
	if got := page.Focus(); got != "main" {
		t.Errorf("the focus is on %q, want the page", got)
	}
	goTo(page, "User")
	page.See("ana.silva", "Nobody is locked.")
	if stored := browser.Eval[int](page, `localStorage.length + sessionStorage.length + document.cookie.length`); stored != 0 {
		t.Error("the console has stored something")
	}
	refresh := n.refreshToken()
	if got := rightRefresh(t, n.URL, refresh); got != http.StatusOK {
		t.Fatalf("got %d for a refresh token in use", got)
	}
	page.Press("Sign out")
	page.See("You have signed out.")
	page.SeeNo("ana.silva", who.Username)
	typed(t, page, browser.Person{}, "")
	n.awaitAnswer(t, "POST /logout", 1)
	if got := rightRefresh(t, n.URL, refresh); got != http.StatusUnauthorized {
		t.Errorf("after signing out: got %d for the refresh token, want 401", got)
	}
}

func TestTheConsoleCountsDownToTheLock(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t, "-max-attempts", "3")
	who := s.With(t, "Sysadmin")
	page := browser.Open(t, s.URL+"/console/")
	enter(page, who, "wrong")
	page.See("The user name or the password is wrong. You can try 2 more times, then you are locked out.")
	typed(t, page, who, "")
	page.Key("wrong too" + kb.Enter)
	page.See("One more wrong password locks you out.")
	for _, password := range []string{"the last", who.Password} {
		page.Key(password + kb.Enter)
		page.See("You are locked out, and the right password does not help now. Ask a Sysadmin of demo to unlock this user.")
		until(page, "the password is dropped", `document.activeElement.type === "password" && document.activeElement.value === ""`)
		typed(t, page, who, "")
	}
}

func TestTheConsoleSaysWhyARoleCannotGoOn(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	for role, want := range map[string]string{"Manager": "You are signed in as a Manager", "ITUser": "You are signed in as an ITUser"} {
		page := console(t, s.URL, s.With(t, role))
		page.See("Not for this role", want, "ask a Sysadmin of demo")
		page.SeeNo("Audit trail")
		browser.Eval[bool](page, `location.hash = "#/config/system/user", true`)
		page.See("Not for this role")
		page.Press("Sign out")
		page.See("You have signed out.")
	}
}

// alerts begins to note what assistive technology is interrupted with, and what
// is counted down, which may be over before a test has looked.
func alerts(page *browser.Page) {
	browser.Eval[bool](page, `(() => {
		window.heard = [];
		window.counted = [];
		new MutationObserver(() => {
			const text = document.querySelector(".door [role=alert]")?.textContent ?? "";
			if (text && text !== heard.at(-1)) heard.push(text);
			const left = document.getElementById("countdown")?.textContent;
			if (left) counted.push(left);
		}).observe(document.body, {subtree: true, childList: true, characterData: true});
		return true;
	})()`)
}

func TestTheConsoleCountsTheSecondsUntilItMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	who := s.With(t, "Sysadmin")
	for _, test := range []struct {
		name, want string
		answer     http.HandlerFunc
	}{
		{"when attempts are in flight", "Several sign-ins of this user came at once.", problem(429, "too-many-attempts", "", "Retry-After", "2")},
		{"when a store does not answer", "Portcullis cannot answer at the moment. Request r-1.", problem(503, "unavailable", "", "Retry-After", "2")},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := relayTo(t, s)
			n.follow(once(1, "POST", "/login", test.answer))
			page := browser.Open(t, n.URL+"/console/")
			alerts(page)
			enter(page, who, who.Password)
			until(page, "it counts", "counted.length > 0")
			page.Key(kb.Enter) // nothing, while it counts
			page.See("You can try again now.")
			if got, want := browser.Eval[string](page, `counted[0]`), "You can try again in 2 seconds."; got != want {
				t.Errorf("began to count with %q, want %q", got, want)
			}
			typed(t, page, who, who.Password)
			if got, want := browser.Eval[string](page, `heard.join("|")`), test.want+"|You can try again now."; got != want {
				t.Errorf("was told %q, want %q", got, want)
			}
			if got := n.count("POST /login"); got != 1 {
				t.Errorf("got %d logins, want none before somebody says so", got)
			}
			page.Key(kb.Enter)
			page.See("Sign out")
		})
	}
}

func TestTheConsoleMarksWhatCannotBe(t *testing.T) {
	t.Parallel()
	page := browser.Open(t, browser.Serve(t).URL+"/console/")
	page.Press("Sign in")
	page.See("Fill this in.")
	who := browser.Person{Client: "No Such/Client", Username: "ana.silva"}
	enter(page, who, "typed")
	page.See("This is not the name of a client.")
	typed(t, page, who, "typed")
	until(page, "the client has the focus", `document.activeElement.name === "client" && document.activeElement.getAttribute("aria-invalid") === "true"`)
}

// freePort returns an address that nobody listens on, for now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestTheConsoleOutlivesAServerThatIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	flags := []string{"-addr", freePort(t), "-data", filepath.Join(t.TempDir(), "data")}
	s := browser.Serve(t, flags...)
	who := s.With(t, "Sysadmin")
	page := browser.Open(t, s.URL+"/console/")
	page.Allow("net::ERR_CONNECTION_REFUSED")
	s.Kill()
	enter(page, who, who.Password)
	page.See("No answer. Check your network; nothing you typed is lost.")
	typed(t, page, who, who.Password)
	s = browser.Serve(t, flags...)
	page.Key(kb.Enter)
	page.See("Sign out")
	goTo(page, "User")
	page.See("Updated", "ana.silva")
	s.Kill()
	page.Press("Refresh")
	page.See("No answer.", "The list is as it was at", "It tries again by itself.", "ana.silva")
	browser.Serve(t, flags...)
	lookAgain(page)
	page.See("The list is up to date again.", "ana.silva")
	page.SeeNo("No answer.")
}

func TestTheConsoleRenewsItsSessionWhileSomebodyWorks(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	n := relayTo(t, s)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	ana := root.make("ana", "Manager")
	root.lock(ana.Username)
	n.brief(1)
	page := usersPage(t, n.URL, root.who)
	page.Press("Unlock")
	page.See("Unlock "+ana.Username+"?", "Failed attempts")
	page.Fill("Reason (optional)", "in the middle of")
	n.await(t, "POST /token", n.count("POST /token")+2)
	page.Key(" it")
	if got := page.Value("Reason (optional)"); got != "in the middle of it" {
		t.Errorf("the reason has become %q", got)
	}
	page.Press("Yes")
	page.See(ana.Username + " is unlocked")
}

func TestATokenThatIsRefusedInTheMiddleIsRenewedOnce(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	n := relayTo(t, s)
	page := usersPage(t, n.URL, s.With(t, "Sysadmin"))
	shown := n.count("GET /clients/demo/users")
	n.follow(once(2, "GET", "/clients/demo/users", problem(401, "unauthorized", "")))
	page.Press("Refresh")
	n.await(t, "GET /clients/demo/users", shown+4)
	page.See("ana.silva", "Updated")
	page.SeeNo("No answer", "Sign in")
	if got := n.count("POST /token"); got != 1 {
		t.Errorf("got %d renewals, want one for both", got)
	}
}

func TestWhatSomebodyAskedIsNeverAskedAsWhoeverComesNext(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	root := as(t, n.URL, n.of.With(t, "Sysadmin"))
	ana, next := root.make("ana", "Manager").Username, root.make("next", "Sysadmin")
	root.lock(ana)
	page := usersPage(t, n.URL, root.who)
	release := make(chan struct{})
	answered := make(chan struct{}, 2)
	late := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			<-release
			answer(w, r)
			answered <- struct{}{}
		}
	}
	unlock := once(1, "POST", root.own("/users/"+ana+"/unlock"), late(problem(401, "unauthorized", "")))
	logout := once(1, "POST", "/logout", late(problem(503, "unavailable", "")))
	n.follow(func(w http.ResponseWriter, r *http.Request) bool { return unlock(w, r) || logout(w, r) })
	byDoubleClick(page, ana)
	asked(page, ana)
	page.Press("Yes")
	n.await(t, "POST "+root.own("/users/"+ana+"/unlock"), 1)
	page.Key(kb.Escape)
	page.See("Waiting for what becomes of " + ana)
	page.Press("Sign out")
	page.See("You have signed out.")
	enter(page, next, next.Password)
	page.See("Sign out", next.Username)
	goTo(page, "User")
	page.See("Updated", ana)
	close(release)
	<-answered
	<-answered
	shown := n.count("GET " + root.own("/users"))
	page.Press("Refresh") // a round trip behind the late answers
	n.await(t, "GET "+root.own("/users"), shown+2)
	page.See("1 user is locked.")
	page.SeeNo("signed out", "unlocked", "Waiting")
	if got := n.count("POST " + root.own("/users/"+ana+"/unlock")); got != 1 {
		t.Errorf("got %d unlocks, want the one of who has left", got)
	}
}

func TestASessionThatIsOverSaysWhyAndAsksAgain(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	const over = "Your session is over: it was too old, or your role or password was changed."
	for _, test := range []struct {
		name   string
		happen func(who *browser.Person)
		want   string
		then   string // after signing in again
	}{
		{"when the role is changed", func(who *browser.Person) {
			root.want(http.StatusOK, nil, "PUT", root.own("/users/"+who.Username), map[string]string{"role": "Manager"})
		}, over, "Not for this role"},
		{"when a password is set", func(who *browser.Person) {
			who.Password = "another-horse-8"
			root.want(http.StatusNoContent, nil, "PUT", root.own("/users/"+who.Username+"/password"), map[string]string{"password": who.Password})
		}, over, "Sign out"},
		{"when the user is locked", func(who *browser.Person) { root.lock(who.Username) },
			"You are locked out. Ask a Sysadmin of demo", "You are locked out, and the right password does not help now."},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := relayTo(t, s)
			n.brief(2)
			who := root.make("admin", "Sysadmin")
			page := usersPage(t, n.URL, who)
			page.Press("New user")
			page.Fill("User name", "of.somebody")
			test.happen(&who)
			page.See(test.want)
			page.SeeNo("of.somebody", "ana.silva", "New user")
			typed(t, page, who, "")
			page.Key(who.Password + kb.Enter)
			page.See(test.then)
		})
	}
}

func TestTheConsoleShowsWhatAnAnswerSaysAsText(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	const markup = `<img src=x onerror=alert(1)><b>Ask</b>`
	n.follow(once(1, "POST", "/login", problem(423, "user-locked", markup)))
	page := browser.Open(t, n.URL+"/console/")
	enter(page, browser.Person{Client: "demo", Username: "ana"}, "typed")
	page.See(markup)
}

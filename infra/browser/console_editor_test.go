package browser_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/browser"
)

// inWindow is the selector of a control of the open window, by its name.
func inWindow(name string) string { return fmt.Sprintf(`dialog [name=%q]`, name) }

// write puts a value into a control of the window, in place of what it has. In a
// list it chooses.
func write(page *browser.Page, name, value string) {
	page.Run("writing the "+name, chromedp.Focus(inWindow(name)))
	if name == "role" {
		page.Key(value)
		return
	}
	page.Run("emptying the "+name, chromedp.Evaluate[chromedp.Void]("document.activeElement.select()"), chromedp.KeyEvent(kb.Delete))
	page.Run("pasting the "+name, func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: value})
		return none, err
	})
}

// written returns what a control of the window has.
func written(page *browser.Page, name string) string {
	return browser.Eval[string](page, fmt.Sprintf(`document.querySelector(%q).value`, inWindow(name)))
}

// faultAt returns what is said to be wrong at a control, which then has the
// focus and is marked.
func faultAt(page *browser.Page, name string) string {
	return browser.Eval[string](page, fmt.Sprintf(`((control) => {
		if (control !== document.activeElement || !control.matches("[aria-invalid=true]")) return "nothing";
		return control.getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id))
			.find((one) => one.matches(".fault")).textContent;
	})(document.querySelector(%q))`, inWindow(name)))
}

// click clicks on what a selector finds.
func click(page *browser.Page, what, selector string) {
	page.Run("clicking "+what, chromedp.Click(selector))
}

// edit opens the editor of a user by the button in their row.
func edit(page *browser.Page, username string) {
	until(page, "the list is as it is now", `!document.querySelector("tbody[aria-busy]")`)
	click(page, "Edit", userRow(username)+" [data-act=edit]")
	page.See("Edit " + username)
}

// focused returns what the focus is on, as it is read out: a label or a text.
func focused(page *browser.Page) string {
	return browser.Eval[string](page, `((one) => one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent ?? one.textContent)(document.activeElement)`)
}

// tabTo presses Tab until the focus is on something.
func tabTo(t testing.TB, page *browser.Page, name string) {
	t.Helper()
	var passed []string
	for range 100 {
		page.Key(kb.Tab)
		passed = append(passed, focused(page))
		if passed[len(passed)-1] == name {
			return
		}
	}
	t.Fatalf("Tab never comes to %q, but to %q", name, passed)
}

// mayEnter reports whether a person can log in with a password.
func mayEnter(t testing.TB, url string, who browser.Person, password string) bool {
	t.Helper()
	status, _ := (&caller{t: t, url: url}).send(origin{}, "POST", "/login", loginOf(who, password))
	return status == http.StatusOK
}

func TestTheEditorSaysAtTheFieldWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	page := usersPage(t, s.URL, s.With(t, "Sysadmin"))
	page.Press("New user")
	page.Press("Create")
	page.See("Fill this in.")
	if got := faultAt(page, "username"); got != "Fill this in." {
		t.Errorf("at the user name: got %q", got)
	}
	good := map[string]string{"username": "zoë.silva", "name": "Zoë Silva", "email": "zoe@demo.example", "password": "correct horse 7"}
	for name, value := range good {
		write(page, name, value)
	}
	for _, test := range []struct{ field, value, want string }{
		{"username", "zoë silva", "This must "},
		{"username", "zoë/silva", "This must "},
		{"username", strings.Repeat("z", 65), "This must have at most 64 characters."},
		{"username", "ana.silva", "There is a user of this name already."},
		{"name", strings.Repeat("z", 129), "This must have at most 128 characters."},
		{"email", "zoe", "This must be an email address"},
		{"password", "short 1", "This must have at least 8 characters."},
		{"password", "without a digit", "This must contain a digit."},
		{"password", strings.Repeat("long 1 ", 20), "This must have at most 128 characters."},
	} {
		write(page, test.field, test.value)
		page.Press("Create")
		page.See(test.want)
		if got := faultAt(page, test.field); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s %q: at the field: got %q", test.field, test.value, got)
		}
		write(page, test.field, good[test.field])
		for name, value := range good {
			if got := written(page, name); got != value {
				t.Errorf("after %s %q: the %s is %q now", test.field, test.value, name, got)
			}
		}
	}
	page.Press("Create")
	page.See("zoë.silva is created.", "Give them the password you typed")
	if !mayEnter(t, s.URL, browser.Person{Client: "demo", Username: "zoë.silva"}, good["password"]) {
		t.Error("the new user cannot log in")
	}
}

func TestAGeneratedPasswordIsTakenAndShownOnce(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	page := usersPage(t, s.URL, s.With(t, "Sysadmin"))
	page.Press("New user")
	write(page, "username", "zoe")
	write(page, "role", "Manager")
	page.Press("Generate")
	password := written(page, "password")
	page.Press("Create")
	page.See("Password of zoe", "zoe is created.", "it is not shown again")
	if got := page.Value("Password"); got != password || len(got) < 20 {
		t.Errorf("got %q, want the password %q", got, password)
	}
	page.Press("Copy")
	page.See("Copied.")
	page.Press("Done")
	page.SeeNo("Password of zoe")
	page.See("zoe is created.")
	if browser.Eval[bool](page, fmt.Sprintf(`[document.documentElement.outerHTML, ...[...document.querySelectorAll("input")].map((one) => one.value)].join().includes(%q)`, password)) {
		t.Error("the page still has the password")
	}
	if !mayEnter(t, s.URL, browser.Person{Client: "demo", Username: "zoe"}, password) {
		t.Error("the password does not let the user in")
	}
	if got := as(t, s.URL, s.With(t, "Sysadmin")).user("zoe"); got.Role != "Manager" || got.Name != "" {
		t.Errorf("the API has %+v", got)
	}
}

func TestAUserIsMadeAndDeletedByKeyboardAlone(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	page := usersPage(t, s.URL, s.With(t, "Sysadmin"))
	tabTo(t, page, "New user")
	page.Key(kb.Enter)
	page.See("Create")
	page.Key("zoe" + kb.Tab + "Superuser" + kb.Tab + "Zoe" + kb.Tab + "zoe@demo.example" + kb.Tab)
	tabTo(t, page, "Generate")
	page.Key(" ")
	if got := focused(page); got != "Password" {
		t.Errorf("the focus is on %q, want the password", got)
	}
	page.Key(kb.Enter)
	page.See("Password of zoe")
	page.Key(kb.Enter) // nothing: one is soon pressed twice
	tabTo(t, page, "Done")
	page.Key(kb.Enter)
	page.SeeNo("Password of zoe")
	page.See("zoe is created.")
	until(page, "the row is there", `document.querySelector("tr[data-username=zoe]")`)
	if got := focused(page); got != "New user" {
		t.Errorf("the focus is on %q, want New user again", got)
	}
	tabTo(t, page, "Edit zoe")
	page.Key(kb.Enter)
	page.See("Edit zoe")
	tabTo(t, page, "Delete…")
	page.Key(kb.Enter)
	page.See("Delete zoe?")
	if got := focused(page); got != "No" {
		t.Errorf("the focus is on %q, want No", got)
	}
	page.Key(kb.Enter)
	page.SeeNo("Delete zoe?")
	until(page, "the focus is back on Edit", `document.activeElement.ariaLabel === "Edit zoe"`)
	page.Key(kb.Enter)
	page.See("Edit zoe")
	tabTo(t, page, "Delete…")
	page.Key(kb.Enter)
	page.See("Delete zoe?")
	page.Run("going back from No", chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
	if got := focused(page); got != "Delete" {
		t.Errorf("the focus is on %q, want Delete", got)
	}
	page.Key(kb.Enter)
	page.See("zoe is deleted.")
	until(page, "the row is gone", `!document.querySelector("tr[data-username=zoe]")`)
	until(page, "the focus is on another row", `document.activeElement.matches("tr[data-username]")`)
}

func TestAUserIsChanged(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	admin := as(t, s.URL, s.With(t, "Sysadmin"))
	page := usersPage(t, s.URL, s.With(t, "Sysadmin"))
	for _, test := range []struct {
		name  string
		write map[string]string
		says  string
		want  shownUser
	}{
		{"to another name", map[string]string{"name": "Ana Reis"}, "ana.silva is changed.", shownUser{Role: "Manager", Name: "Ana Reis", Email: "ana.silva@demo.example"}},
		{"to no name and no address", map[string]string{"name": "", "email": ""}, "ana.silva is changed.", shownUser{Role: "Manager"}},
		{"to another role", map[string]string{"role": "Superuser"}, "ana.silva is a Superuser now, and has to sign in again.", shownUser{Role: "Superuser"}},
		{"to nothing else", nil, "ana.silva is as before: you changed nothing.", shownUser{Role: "Superuser"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			edit(page, "ana.silva")
			for name, value := range test.write {
				write(page, name, value)
			}
			page.Press("Save")
			until(page, "the window is closed", `!document.querySelector("dialog")`)
			page.See(test.says)
			got := admin.user("ana.silva")
			if diff := cmp.Diff(shownUser{Role: got.Role, Name: got.Name, Email: got.Email}, test.want); diff != "" {
				t.Errorf("the API has (-got +want):\n%s", diff)
			}
		})
	}
}

func TestASetPasswordEndsSessionsAndUnlocksNobody(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	admin, ana := as(t, s.URL, s.With(t, "Sysadmin")), as(t, s.URL, s.With(t, "Manager"))
	admin.lock("ana.silva")
	page := usersPage(t, s.URL, s.With(t, "Sysadmin"))
	page.See("1 user is locked.")
	edit(page, "ana.silva")
	page.Press("Set password…")
	page.See("Password of ana.silva", "It does not unlock.")
	page.Press("Set password")
	page.See("Fill this in.")
	write(page, "password", "ana.silva")
	page.Press("Set password")
	page.See("This must contain a digit.")
	page.Press("Generate")
	password := written(page, "password")
	page.Press("Set password")
	page.See("The password of ana.silva is set. They are still locked.", "Copy it now")
	page.Press("Done")
	if mayEnter(t, s.URL, s.With(t, "Manager"), password) || !admin.user("ana.silva").Locked {
		t.Error("setting a password has unlocked")
	}
	admin.want(http.StatusOK, nil, "POST", admin.own("/users/ana.silva/unlock"), nil)
	if !mayEnter(t, s.URL, s.With(t, "Manager"), password) {
		t.Error("the new password does not let the user in")
	}
	ana.want(http.StatusUnauthorized, nil, "POST", "/token", map[string]string{"refresh_token": ana.refresh})
}

func TestTheLastSysadminStays(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	page := usersPage(t, s.URL, s.With(t, "Sysadmin"))
	const why = "This is the last Sysadmin of the client, who can be neither deleted nor given another role. Make somebody else a Sysadmin first."
	edit(page, "root")
	page.See("Another role signs you out (this is you)")
	write(page, "role", "Manager")
	page.Press("Save")
	page.See(why)
	page.Press("Delete…")
	page.See("Delete root?", "This signs you out (this is you)")
	page.Press("Delete")
	page.See(why)
	page.Press("No")
	page.SeeNo(why)
	page.See("root")
}

func TestAUserWhoIsGoneIsSaidToBe(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	admin := as(t, s.URL, s.With(t, "Sysadmin"))
	page := usersPage(t, s.URL, s.With(t, "Sysadmin"))
	for i, does := range []func(){
		func() { write(page, "name", "Zoe"); page.Press("Save") },
		func() { page.Press("Delete…"); page.Press("Delete") },
		func() {
			page.Press("Set password…")
			write(page, "password", "correct horse 7")
			page.Press("Set password")
		},
	} {
		who := admin.make(fmt.Sprintf("gone%d", i), "Manager")
		page.Press("Refresh")
		page.See(who.Username)
		edit(page, who.Username)
		admin.want(http.StatusNoContent, nil, "DELETE", admin.own("/users/"+who.Username), nil)
		does()
		page.See(who.Username + " is not there any more.")
	}
}

func TestASuperuserAdministersNoSysadmin(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	who := s.With(t, "Superuser")
	page := usersPage(t, s.URL, who)
	offered := browser.Eval[string](page, `[...document.querySelectorAll("tr[data-username]")].map((row) =>
		row.dataset.username + ":" + [...row.querySelectorAll("button, input")].map((one) => one.textContent)).join(" ")`)
	if want := "ana.silva:Edit ben.okafor:Edit root: sofia.reis:Edit"; offered != want {
		t.Errorf("offered is %s, want %s", offered, want)
	}
	if pages := browser.Eval[string](page, `[...document.querySelectorAll("nav a")].map((one) => one.textContent).join()`); pages != "Overview,User,Security" {
		t.Errorf("the menu has %s", pages)
	}
	page.Press("New user")
	if roles := browser.Eval[string](page, `[...document.querySelectorAll("dialog option")].map((one) => one.textContent).join()`); roles != "Superuser,Manager,ITUser" {
		t.Errorf("the roles are %s", roles)
	}
	page.Key(kb.Escape)
	page.Run("double-clicking root", chromedp.DoubleClick(userRow("root")+" th"))
	page.See("Only a Sysadmin can change root, who is one.")

	forced := as(t, s.URL, who)
	for _, one := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/users", map[string]string{"username": "zoe", "role": "Sysadmin", "password": "correct horse 7"}},
		{"PUT", "/users/root", map[string]string{"name": "Zoe"}},
		{"PUT", "/users/root", map[string]string{"role": "Manager"}},
		{"PUT", "/users/ana.silva", map[string]string{"role": "Sysadmin"}},
		{"PUT", "/users/root/password", map[string]string{"password": "correct horse 7"}},
		{"DELETE", "/users/root", nil},
		{"POST", "/users/ana.silva/unlock", nil},
		{"POST", "/unlocks", map[string][]string{"usernames": {"ana.silva"}}},
		{"PUT", "/policy", map[string]int{"max_failed_login_attempts_portal": 9}},
		{"DELETE", "/policy", nil},
		{"GET", "/audit", nil},
	} {
		forced.want(http.StatusForbidden, nil, one.method, forced.own(one.path), one.body)
	}
}

// always is a rule that applies to every request of a method and path.
func always(method, path string, answer http.HandlerFunc) rule {
	return once(math.MaxInt, method, path, answer)
}

// outage is the answer of an API whose store does not answer.
var outage = problem(503, "unavailable", "Something did not answer.", "Retry-After", "5")

// lost does what is asked, and answers nothing.
func lost(s *browser.Server) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		request := r.Clone(r.Context())
		request.URL, _ = url.Parse(s.URL + r.URL.RequestURI())
		request.RequestURI = ""
		if answer, err := http.DefaultTransport.RoundTrip(request); err == nil {
			answer.Body.Close()
		}
		panic(http.ErrAbortHandler)
	}
}

func TestTheEditorKeepsWhatWasTypedWhenThereIsNoAnswer(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	p := relayTo(t, s)
	page := usersPage(t, p.URL, s.With(t, "Sysadmin"))
	page.Allow("net::ERR_EMPTY_RESPONSE")
	page.Press("New user")
	values := map[string]string{"username": "zoe", "name": "Zoe", "email": "zoe@demo.example", "password": "correct horse 7"}
	for name, value := range values {
		write(page, name, value)
	}
	p.follow(always("POST", "/clients/demo/users", hangUp))
	for range 2 {
		page.Press("Create")
		page.See("No answer.", "It may have been done all the same; you can send it again.")
		until(page, "it can be sent again", `document.querySelector("dialog .main:enabled")`)
		for name, value := range values {
			if got := written(page, name); got != value {
				t.Errorf("the %s is %q now", name, got)
			}
		}
	}
	if got := focused(page); got != "Create" {
		t.Errorf("the focus is on %q, want Create", got)
	}
	p.follow(always("POST", "/clients/demo/users", outage))
	page.Press("Create")
	page.See("Portcullis cannot answer at the moment. Request r-1. Try again in 5 seconds.")
	p.follow(always("POST", "/clients/demo/users", lost(s)))
	page.Press("Create")
	page.See("No answer.")
	p.follow(nil)
	page.Press("Create")
	page.See("There is a user of this name now, perhaps by your earlier try. Cancel, and look at the list.")
	page.Press("Cancel")
	page.See("zoe")

	edit(page, "zoe")
	write(page, "email", "z@demo.example")
	p.follow(always("PUT", "/clients/demo/users/zoe", hangUp))
	page.Press("Save")
	page.See("No answer.")
	if got := written(page, "email"); got != "z@demo.example" {
		t.Errorf("the address is %q now", got)
	}
	page.Press("Delete…")
	p.follow(always("DELETE", "/clients/demo/users/zoe", lost(s)))
	page.Press("Delete")
	page.See("No answer.", "Delete zoe?")
	p.follow(nil)
	page.Press("Delete")
	page.See("zoe is not there any more.")
	until(page, "the row is gone", `!document.querySelector("tr[data-username=zoe]")`)
}

// held passes the next request of a method and path on, behind which it holds the
// answer back until the function that it returns is called.
func (n *relay) held(method, path string, answer http.HandlerFunc) (release func()) {
	let := make(chan struct{})
	n.follow(once(1, method, path, func(w http.ResponseWriter, r *http.Request) {
		<-let
		answer(w, r)
	}))
	return func() { close(let) }
}

func TestAnEditorThatIsLeftStillSaysWhatCameOfIt(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	page := usersPage(t, n.URL, n.of.With(t, "Sysadmin"))
	const ana = "/clients/demo/users/ana.silva"
	through := n.behind.ServeHTTP
	for _, test := range []struct {
		name, button string
		method, path string
		answer       http.HandlerFunc
		open         func()
		want         string
	}{
		{"of a name that is saved", "Save", "PUT", ana, through, func() { write(page, "name", "Ana Reis") }, "ana.silva is changed."},
		{"of a name that is not", "Save", "PUT", ana, outage, func() { write(page, "name", "Ana") }, "ana.silva: Portcullis cannot answer at the moment."},
		{"of a password", "Set password", "PUT", ana + "/password", through, func() {
			page.Press("Set password…")
			write(page, "password", "correct horse 7")
		}, "The password of ana.silva is set."},
		{"of a deletion", "Delete", "DELETE", ana, through, func() { page.Press("Delete…") }, "ana.silva is deleted."},
	} {
		t.Run(test.name, func(t *testing.T) {
			edit(page, "ana.silva")
			test.open()
			release := n.held(test.method, test.path, test.answer)
			page.Press(test.button)
			page.Key(kb.Escape)
			page.See("Waiting for what becomes of ana.silva")
			release()
			page.See(test.want)
		})
	}
}

func TestAGeneratedPasswordIsShownThoughTheWindowIsLeftAndTheSessionEnds(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	n.brief(1)
	page := usersPage(t, n.URL, n.of.With(t, "Sysadmin"))
	page.Press("New user")
	write(page, "username", "zoe")
	page.Press("Generate")
	password := written(page, "password")
	release := n.held("POST", "/clients/demo/users", n.behind.ServeHTTP)
	page.Press("Create")
	page.Press("Cancel")
	page.See("Waiting for what becomes of zoe")
	release()
	page.See("Password of zoe", "zoe is created.")
	n.follow(always("POST", "/token", problem(401, "unauthorized", "")))
	page.See("Your session is over", "Password of zoe")
	for range 3 {
		page.Key(kb.Escape + kb.Enter)
	}
	if got := browser.Eval[string](page, `document.querySelector("dialog[open] input").value`); got != password {
		t.Errorf("got %q, want the password %q still", got, password)
	}
	page.Press("Done")
	page.SeeNo("Password of zoe")
	if !mayEnter(t, n.of.URL, browser.Person{Client: "demo", Username: "zoe"}, password) {
		t.Error("the password does not let the user in")
	}
}

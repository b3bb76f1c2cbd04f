package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"portcullis/infra/browser"
)

// confirmTitle is the heading of the window that is open.
const confirmTitle = `document.querySelector("dialog[open] h2")?.textContent`

// The ways in which a row is unlocked.
func byDoubleClick(page *browser.Page, username string) {
	page.Run("double-clicking on "+username, chromedp.DoubleClick(userRow(username)+" th"))
}

func byButton(page *browser.Page, username string) {
	page.Run("pressing Unlock of "+username, chromedp.Click(userRow(username)+" [data-act=unlock]"))
}

// byEnter goes to the row with Tab and the arrows, as somebody without a mouse.
func byEnter(page *browser.Page, username string) {
	tabUntil(page, `document.activeElement.matches("tr[data-username]")`)
	page.Key(kb.Home)
	for !browser.Eval[bool](page, fmt.Sprintf(`document.activeElement.dataset.username === %q`, username)) {
		page.Key(kb.ArrowDown)
	}
	page.Key(kb.Enter)
}

// byKeyOnButton presses the row's button with the keyboard.
func byKeyOnButton(page *browser.Page, username string) {
	tabUntil(page, fmt.Sprintf(`document.activeElement.matches('%s [data-act=unlock]')`, userRow(username)))
	page.Key(" ")
}

// tabUntil presses Tab until an expression is true.
func tabUntil(page *browser.Page, expression string) {
	for range 60 {
		if browser.Eval[bool](page, expression) {
			return
		}
		page.Key(kb.Tab)
	}
	browser.Eval[bool](page, fmt.Sprintf(`(() => { throw new Error("Tab does not lead to " + %q) })()`, expression))
}

// asked waits for the question, with its evidence, and for the focus on No.
func asked(page *browser.Page, username string, evidence ...string) {
	page.See(append([]string{"Confirm", "Unlock " + username + "?", "Failed attempts, oldest first"}, evidence...)...)
	until(page, "No has the focus of a window called Confirm",
		`document.activeElement.textContent === "No" && `+confirmTitle+` === "Confirm"`)
}

// closed waits until no window is open and the focus is in the row.
func closed(page *browser.Page, username string) {
	until(page, "the focus is back in the row of "+username,
		fmt.Sprintf(`!document.querySelector("dialog") && document.activeElement.closest("tr")?.dataset.username === %q`, username))
}

func TestUnlockingIsAskedForConfirmedAndSaid(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	for _, test := range []struct {
		name string
		open func(*browser.Page, string)
	}{
		{"by a double-click", byDoubleClick},
		{"by Enter", byEnter},
		{"by the button of the row", byButton},
		{"by the button of the row, with the keyboard", byKeyOnButton},
	} {
		t.Run(test.name, func(t *testing.T) {
			ana := root.make("ana", "Manager").Username
			root.lock(ana, origin{"127.0.0.2", "curl/8"}, origin{"127.0.0.3", "A browser/9"})
			page := usersPage(t, s.URL, root.who)
			page.See("1 user is locked.")
			for _, key := range []string{kb.Escape, kb.Enter} { // which is No
				test.open(page, ana)
				asked(page, ana, "after 5 failed attempts of 5", "127.0.0.2", "curl/8", "127.0.0.3", "A browser/9")
				page.Key(key)
				closed(page, ana)
				if !root.user(ana).Locked {
					t.Fatal("unlocked without a Yes")
				}
			}
			test.open(page, ana)
			asked(page, ana)
			page.Fill("Reason (optional)", "called")
			page.Key(kb.Tab + "call-back" + kb.Enter)
			page.See(ana+" is unlocked, and has 5 attempts again.", "Nobody is locked.")
			closed(page, ana)
			if got := root.entries(ana, "authn_login_unlock"); root.user(ana).Locked || len(got) != 1 || got[0].Reason != "called" {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestTwoWhoUnlockAtOnceAreBothToldTheTruth(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	ana := root.make("ana", "Manager").Username
	root.lock(ana)
	people := []browser.Person{root.who, root.make("rival", "Sysadmin")}
	var pages []*browser.Page
	for _, who := range people {
		page := usersPage(t, s.URL, who)
		byDoubleClick(page, ana)
		asked(page, ana)
		pages = append(pages, page)
	}
	var both sync.WaitGroup
	for _, page := range pages {
		both.Go(func() { browser.Eval[bool](page, `document.querySelector("dialog form").requestSubmit(), true`) })
	}
	both.Wait()
	entries := root.entriesSoon(ana, "authn_login_unlock")
	if len(entries) != 1 {
		t.Fatalf("got %v, want one entry", entries)
	}
	for i, page := range pages {
		if who := people[i]; entries[0].Actor == "demo/"+who.Username {
			page.See(ana + " is unlocked, and has 5 attempts again.")
		} else {
			page.See(ana + " is not locked any more. " + entries[0].Actor + " unlocked at ")
		}
	}
}

func TestWhatHappensUnderAnOpenWindowIsSaid(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	rival := as(t, s.URL, root.make("rival", "Sysadmin"))
	unlock := func(username string) {
		rival.want(http.StatusOK, nil, "POST", rival.own("/users/"+username+"/unlock"), nil)
	}
	remove := func(username string) {
		rival.want(http.StatusNoContent, nil, "DELETE", rival.own("/users/"+username), nil)
	}
	for _, test := range []struct {
		name           string
		before, during func(username string)
		want           string
	}{
		{"when somebody else had unlocked before", unlock, nil, " is not locked any more. " + rival.actor() + " unlocked at "},
		{"when somebody else unlocks meanwhile", nil, unlock, " is not locked any more. " + rival.actor() + " unlocked at "},
		{"when the user had gone before", remove, nil, " is not there any more."},
		{"when the user goes meanwhile", nil, remove, " is not there any more."},
		{"when the user is another one of the same name", func(username string) {
			remove(username)
			rival.want(http.StatusCreated, nil, "POST", rival.own("/users"), map[string]string{
				"username": username, "role": "Manager", "name": "another", "password": "correct-horse-8",
			})
		}, nil, " is not locked any more. " + rival.actor() + " unlocked at "}, // by removing the lock with the user
	} {
		t.Run(test.name, func(t *testing.T) {
			ana := root.make("ana", "Manager").Username
			root.lock(ana)
			page := usersPage(t, s.URL, root.who)
			if test.before != nil {
				test.before(ana)
			}
			byDoubleClick(page, ana)
			if test.during != nil {
				asked(page, ana)
				test.during(ana)
				page.Press("Yes")
			}
			page.See(ana+test.want, "Nobody is locked.")
			until(page, "the window is closed, and the focus in the table", `!document.querySelector("dialog") && document.activeElement.closest("tr")`)
		})
	}
}

func TestALockThatChangesUnderTheWindowIsShownAndKept(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	ana := root.make("ana", "Manager").Username
	root.lock(ana, origin{"127.0.0.2", "the first"})
	page := usersPage(t, s.URL, root.who)
	byDoubleClick(page, ana)
	asked(page, ana, "127.0.0.2", "the first")
	root.want(http.StatusOK, nil, "POST", root.own("/users/"+ana+"/unlock"), nil)
	root.lock(ana, origin{"127.0.0.9", "the second"})
	again := root.user(ana)
	page.Press("Yes")
	page.See("Locked again since you looked. Nothing was unlocked; above is the new lock.", "127.0.0.9", "the second")
	page.SeeNo("127.0.0.2", "the first")
	asked(page, ana)
	if got := root.user(ana); !got.Locked || got.LockID != again.LockID {
		t.Errorf("got %+v, want the second lock", got)
	}
	page.Press("Yes")
	page.See(ana + " is unlocked")
}

func TestWhoMayNotUnlockIsTold(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	for _, test := range []struct {
		name, want string
		answer     http.HandlerFunc
	}{
		{"as it is themselves", "Not allowed. Nobody unlocks themselves. Ask another Sysadmin of your client.", nil},
		{"as they are no Sysadmin any more", "Not allowed. You are not allowed to do this.", problem(403, "forbidden", "")},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := relayTo(t, s)
			who := root.make("admin", "Sysadmin")
			page := usersPage(t, n.URL, who)
			root.lock(who.Username)
			if test.answer != nil {
				n.follow(once(1, "POST", root.own("/users/"+who.Username+"/unlock"), test.answer))
			}
			page.Press("Refresh")
			page.See("is locked.")
			byButton(page, who.Username)
			asked(page, who.Username)
			page.Press("Yes")
			page.See(test.want, "Close")
			page.Key(kb.Enter)
			closed(page, who.Username)
			if !root.user(who.Username).Locked {
				t.Error("they are unlocked")
			}
		})
	}
}

// without passes a request on, and loses the answer.
func (n *relay) without(_ http.ResponseWriter, r *http.Request) {
	n.behind.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func TestAnUnlockWithoutAnAnswerIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	const lost = "No answer. Check your network; nothing you typed is lost. Whether the user is unlocked is not known yet."
	for _, test := range []struct {
		name, want, then string
		answer           func(*relay) http.HandlerFunc
		complaint        string
	}{
		{"when the request is lost", lost, " is unlocked, and has 5 attempts again.",
			func(*relay) http.HandlerFunc { return hangUp }, "net::ERR_EMPTY_RESPONSE"},
		{"when the answer is lost", lost, " is not locked any more. You unlocked at ",
			func(n *relay) http.HandlerFunc { return n.without }, "net::ERR_EMPTY_RESPONSE"},
		{"when a store is away", "Portcullis cannot answer at the moment. Request r-1. Try again in 1 second. Whether the user is unlocked is not known yet.",
			" is unlocked, and has 5 attempts again.",
			func(*relay) http.HandlerFunc { return problem(503, "unavailable", "", "Retry-After", "1") }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := relayTo(t, s)
			ana := root.make("ana", "Manager").Username
			root.lock(ana)
			page := usersPage(t, n.URL, root.who)
			if test.complaint != "" {
				page.Allow(test.complaint)
			}
			byDoubleClick(page, ana)
			asked(page, ana)
			page.Fill("Reason (optional)", "called")
			n.follow(always("POST", root.own("/users/"+ana+"/unlock"), test.answer(n)))
			page.Key(kb.Enter)
			page.See(test.want, "Try again")
			if got := page.Value("Reason (optional)"); got != "called" {
				t.Errorf("the reason has become %q", got)
			}
			n.follow(nil)
			page.Press("Try again")
			page.See(ana + test.then)
			if got := root.entries(ana, "authn_login_unlock"); len(got) != 1 || got[0].Reason != "called" {
				t.Errorf("got %v, want one entry", got)
			}
		})
	}
}

func TestEvidenceThatCannotBeReadIsLookedForAgain(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	root := as(t, n.URL, n.of.With(t, "Sysadmin"))
	ana := root.make("ana", "Manager").Username
	root.lock(ana)
	page := usersPage(t, n.URL, root.who)
	n.follow(always("GET", root.own("/users/"+ana), problem(503, "unavailable", "", "Retry-After", "1")))
	byDoubleClick(page, ana)
	page.See("The evidence could not be read.", "Portcullis cannot answer at the moment.")
	page.Press("Look again")
	page.See("The evidence could not be read.", "Portcullis cannot answer at the moment.")
	n.follow(nil)
	page.Press("Look again")
	page.See("Failed attempts, oldest first")
	page.Press("Yes")
	page.See(ana + " is unlocked")
}

func TestAWindowThatIsLeftStillSaysWhatCameOfIt(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	root := as(t, n.URL, n.of.With(t, "Sysadmin"))
	ana := root.make("ana", "Manager").Username
	root.lock(ana)
	page := usersPage(t, n.URL, root.who)
	byDoubleClick(page, ana)
	asked(page, ana)
	release := make(chan struct{})
	n.follow(once(1, "POST", root.own("/users/"+ana+"/unlock"), func(w http.ResponseWriter, r *http.Request) {
		<-release
		n.behind.ServeHTTP(w, r)
	}))
	page.Press("Yes")
	n.await(t, "POST "+root.own("/users/"+ana+"/unlock"), 1)
	page.Key(kb.Escape)
	page.See("Waiting for what becomes of " + ana)
	close(release)
	page.See(ana+" is unlocked, and has 5 attempts again.", "Nobody is locked.")
}

// choose ticks the boxes of rows.
func choose(page *browser.Page, usernames ...string) {
	for _, username := range usernames {
		page.Run("choosing "+username, chromedp.Click(userRow(username)+" [data-act=choose]"))
	}
}

// result is what the window says of a user.
func result(page *browser.Page, username, want string) {
	until(page, username+" has the result "+want, fmt.Sprintf(
		`[...document.querySelectorAll("dialog tbody tr")].some((row) => row.cells[0].textContent === %q && row.cells[1].textContent === %q)`, username, want))
}

func TestManyAreUnlockedWithOneConfirmAndAResultEach(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	root := as(t, n.URL, n.of.With(t, "Sysadmin"))
	rival := as(t, n.URL, root.make("rival", "Sysadmin"))
	var locked []string
	for _, word := range []string{"ana", "bea", "caio", "dora"} {
		locked = append(locked, root.make(word, "Manager").Username)
	}
	for _, username := range append(locked, "root") {
		root.lock(username)
	}
	page := usersPage(t, n.URL, rival.who)
	page.Allow("net::ERR_EMPTY_RESPONSE")
	page.See("5 users are locked.")
	tabUntil(page, `document.activeElement.matches("tr[data-username]")`)
	byArrow := func(username string) {
		for !browser.Eval[bool](page, fmt.Sprintf(`document.activeElement.dataset.username === %q`, username)) {
			page.Key(kb.ArrowDown)
		}
		page.Key(" ")
	}
	byArrow(locked[0])
	byArrow(locked[1])
	choose(page, locked[2], locked[3], rival.who.Username)
	rival.want(http.StatusOK, nil, "POST", root.own("/users/"+locked[1]+"/unlock"), nil)
	rival.want(http.StatusNoContent, nil, "DELETE", root.own("/users/"+locked[2]), nil)
	page.Press("Unlock 5 selected users")
	page.See("Unlock 5 users? 4 of 5 are locked.")
	until(page, "No has the focus", `document.activeElement.textContent === "No"`)
	n.follow(always("POST", root.own("/unlocks"), hangUp))
	page.Press("Yes")
	page.See("No answer.", "Rows without a result are not known yet; press Yes to try them again.")
	n.follow(nil)
	page.Fill("Reason (optional)", "the server was away")
	page.Fill("How identity was confirmed (optional)", strings.Repeat("ã", 51))
	page.See("This is too long")
	page.Fill("How identity was confirmed (optional)", "in person")
	page.SeeNo("This is too long")
	page.Press("Yes")
	for username, want := range map[string]string{
		locked[0]: "Unlocked", locked[1]: "Was not locked", locked[2]: "Is not there any more", locked[3]: "Unlocked",
		rival.who.Username: "Not allowed: nobody unlocks themselves",
	} {
		result(page, username, want)
	}
	page.See("2 users unlocked of 5.")
	page.Screenshot("console-unlock-many")
	page.Key(kb.Enter)
	until(page, "the window is closed", `!document.querySelector("dialog")`)
	page.See("1 user is locked.", "Unlock 1 selected user") // themselves
	if got := root.entries(locked[0], "authn_login_unlock"); len(got) != 1 || got[0].Reason != "the server was away" || got[0].Details.IdentityConfirmedBy != "in person" {
		t.Errorf("got %v", got)
	}
	if got := root.entries(locked[3], "authn_login_lock"); len(got) != 1 {
		t.Errorf("unlocking has lost an entry of a lock: %v", got)
	}
}

func TestRowsThatFailAreTriedAgain(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	root := as(t, n.URL, n.of.With(t, "Sysadmin"))
	ana, bea := root.make("ana", "Manager").Username, root.make("bea", "Manager").Username
	root.lock(ana)
	root.lock(bea)
	page := usersPage(t, n.URL, root.who)
	choose(page, ana, bea)
	n.follow(once(1, "POST", root.own("/unlocks"), func(w http.ResponseWriter, _ *http.Request) {
		root.want(http.StatusOK, nil, "POST", root.own("/users/"+ana+"/unlock"), nil)
		fmt.Fprintf(w, `{"results": [{"username": %q, "outcome": "unlocked"}, {"username": %q, "outcome": "failed", "problem": "unavailable"}]}`, ana, bea)
	}))
	page.Press("Unlock 2 selected users")
	page.Press("Yes")
	result(page, ana, "Unlocked")
	result(page, bea, "Failed")
	page.See("1 user unlocked of 2.")
	page.Press("Try again")
	result(page, bea, "Unlocked")
	page.See("2 users unlocked of 2.")
	page.Press("Close")
	page.See("Nobody is locked.", "Unlock selected")
}

func TestASuperuserIsOfferedNoUnlock(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	ana := root.make("ana", "Manager").Username
	root.lock(ana)
	super := as(t, s.URL, s.With(t, "Superuser"))
	page := usersPage(t, s.URL, super.who)
	page.See(ana, "1 user is locked.", "Only a Sysadmin can unlock.")
	if n := browser.Eval[int](page, `document.querySelectorAll("[data-act=unlock], [data-act=choose]").length`); n != 0 {
		t.Errorf("%d ways to unlock are offered", n)
	}
	for _, open := range []func(*browser.Page, string){byDoubleClick, byEnter} {
		open(page, ana)
		page.See(ana + " is locked. Only a Sysadmin can unlock.")
	}
	page.SeeNo("Confirm")
	super.want(http.StatusForbidden, nil, "POST", super.own("/users/"+ana+"/unlock"), nil)
	super.want(http.StatusForbidden, nil, "POST", super.own("/unlocks"), map[string]any{"usernames": []string{ana}})
	if !root.user(ana).Locked {
		t.Error("a Superuser has unlocked")
	}
}

// Markup that would run, and a character that turns what follows around.
const (
	markup = "<img src=x onerror=window.hit=1>"
	turn   = "\u202egnp.exe"
	shown  = markup + "U+202Egnp.exe" // as it must be
)

func TestWhatIsHostileIsShownAsText(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	root := as(t, n.of.URL, n.of.With(t, "Sysadmin"))
	const username = `"><img>&amp;'`
	root.want(http.StatusCreated, nil, "POST", root.own("/users"), map[string]string{
		"username": username, "role": "Manager", "name": "Eve" + markup, "password": "correct-horse-7",
	})
	root.lock(username, origin{"127.0.0.2", markup})
	n.follow(func(w http.ResponseWriter, r *http.Request) bool { return turned(n, w, r) })
	page := usersPage(t, n.URL, root.who)
	page.See(username, "Eve"+shown)
	page.Press("Unlock")
	asked(page, username, "127.0.0.2", shown)
	page.Screenshot("console-hostile")
	page.Fill("Reason (optional)", markup)
	page.Press("Yes")
	page.See(username + " is unlocked")
	goTo(page, "Audit trail")
	page.See(username, shown)
	if browser.Eval[bool](page, `window.hit === 1 || document.images.length > 0`) {
		t.Error("markup has become an element")
	}
	if got := root.entries(url.QueryEscape(username), "authn_login_unlock"); len(got) != 1 || got[0].Reason != markup {
		t.Errorf("got %v", got)
	}
}

// turned passes a request on, and puts the character that the API takes from
// nobody into what it answers, behind each piece of markup.
func turned(n *relay, w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/clients/") {
		return false
	}
	answer := httptest.NewRecorder()
	n.behind.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context())))
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(answer.Body.String())
	_, _ = w.Write([]byte(strings.ReplaceAll(text, markup, markup+turn)))
	return true
}

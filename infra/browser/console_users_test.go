package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"portcullis/infra/browser"
)

// names are the usernames in the table, from top to bottom.
func names(page *browser.Page) string {
	return browser.Eval[string](page, namesNow)
}

const namesNow = `[...document.querySelectorAll("tr[data-username]")].map((row) => row.dataset.username).join(" ")`

// listed waits until the table has these users, from top to bottom.
func listed(page *browser.Page, usernames ...string) {
	until(page, fmt.Sprintf("the table has %q; it has %q", usernames, names(page)), fmt.Sprintf(`%s === %q`, namesNow, strings.Join(usernames, " ")))
}

// cells is what a row shows, without what to do.
func cells(page *browser.Page, username string) string {
	return browser.Eval[string](page, fmt.Sprintf(
		`[...document.querySelector('%s').querySelectorAll("[data-label]")].map((cell) => cell.textContent).join("|")`, userRow(username)))
}

// lockedOnly ticks, or unticks, the filter.
func lockedOnly(page *browser.Page) {
	page.Run("filtering", chromedp.Click(`//label[normalize-space()="Locked only"]`))
}

func TestTheTableOfUsersTellsWhoIsLocked(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	root.lock("ana.silva", origin{"127.0.0.2", "x"}, origin{"127.0.0.3", "y"}, origin{"127.0.0.4", "z"})
	root.fails(2, "ben.okafor")
	page := usersPage(t, s.URL, root.who)
	until(page, "the caption counts",
		`document.querySelector("table caption").textContent === "Users of demo, page 1: 4 users. 1 user is locked."`)
	since := browser.Eval[string](page, `document.querySelector('`+userRow("ana.silva")+` time').dateTime`)
	if at := root.user("ana.silva").LockedAt; since != at {
		t.Errorf("the row says since %q, want %q", since, at)
	}
	for username, want := range map[string][3]string{
		"ana.silva": {"Ana Silva|Manager|5/5|", "|3", "Locked"}, "ben.okafor": {"Ben Okafor|ITUser|2/5|", "|1", ""}, "root": {"Rute Dias|Sysadmin|0/5|", "|", ""},
	} {
		got := cells(page, username)
		first := browser.Eval[string](page, `document.querySelector('`+userRow(username)+` th').firstElementChild.getAttribute("aria-label") ?? ""`)
		if !strings.HasPrefix(got, want[0]) || !strings.HasSuffix(got, want[1]) || first != want[2] {
			t.Errorf("%s is shown as %q, behind %q; want %q", username, got, first, want)
		}
	}
}

func TestTheTableOfUsersIsFiltered(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	root.lock("ana.silva")
	page := usersPage(t, s.URL, root.who)
	listed(page, "ana.silva", "ben.okafor", "root", "sofia.reis")
	lockedOnly(page)
	listed(page, "ana.silva")
	page.Run("choosing a role", chromedp.Focus("select"))
	page.Key("ITUser")
	page.See("No user is like this.", "0 users. 1 user is locked.")
	lockedOnly(page)
	listed(page, "ben.okafor")
	page.Key("\t") // out of the box
	page.Run("choosing any role", chromedp.Focus("select"))
	page.Key("All")
	listed(page, "ana.silva", "ben.okafor", "root", "sofia.reis")
	for text, want := range map[string]string{"SILVA": "ana.silva", "Okafor": "ben.okafor", "root@demo": "root"} {
		page.Fill("Search", text)
		listed(page, want)
	}
	page.Fill("Search", "nobody at all")
	page.See("No user is like this.")
}

func TestASearchWaitsForAPauseAndForgetsTheLastOne(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	page := usersPage(t, n.URL, n.of.With(t, "Sysadmin"))
	release, held := make(chan struct{}), make(chan struct{})
	var hold sync.Once
	var mu sync.Mutex
	var asked []string
	n.follow(func(w http.ResponseWriter, r *http.Request) bool {
		text := r.URL.Query().Get("q")
		if text == "" {
			return false
		}
		mu.Lock()
		asked = append(asked, text)
		mu.Unlock()
		if text != "a" {
			return false
		}
		hold.Do(func() { close(held) })
		<-release // and only then answer, whoever listens
		return false
	})
	page.Fill("Search", "a")
	<-held
	page.Key(kb.End + "na.silva")
	listed(page, "ana.silva")
	browser.Eval[bool](page, `(() => {
		window.seen = new Set();
		new MutationObserver(() => seen.add(`+namesNow+`)).observe(document.querySelector("tbody"), {subtree: true, childList: true, attributes: true});
		return true;
	})()`)
	close(release)
	before := n.count("GET /clients/demo/users")
	lookAgain(page)
	n.await(t, "GET /clients/demo/users", before+2)
	until(page, "it has looked again", `seen.size > 0 && !document.querySelector("tbody[aria-busy]")`)
	if got := browser.Eval[string](page, `[...seen].join("|")`); got != "ana.silva" {
		t.Errorf("the table had %q, once the old answer came", got)
	}
	mu.Lock()
	defer mu.Unlock()
	for i, text := range asked {
		if (i == 0) != (text == "a") || i > 0 && text != "ana.silva" {
			t.Errorf("asked for %q; want only what stood there at a pause", asked)
			break
		}
	}
}

// crowd makes users u00 to the number before n, some at a time.
func crowd(c *caller, n int) {
	c.t.Helper()
	var all sync.WaitGroup
	some := make(chan struct{}, 4)
	for i := range n {
		some <- struct{}{}
		all.Go(func() {
			defer func() { <-some }()
			c.want(http.StatusCreated, nil, "POST", c.own("/users"), map[string]string{
				"username": fmt.Sprintf("u%02d", i), "role": "ITUser", "name": fmt.Sprintf("Name %02d", n-i), "password": "correct-horse-7",
			})
		})
	}
	all.Wait()
}

func TestTheTableOfUsersIsTurnedAndSorted(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	root := as(t, n.URL, n.of.With(t, "Sysadmin"))
	crowd(root, 52)
	root.fails(3, "u07")
	root.fails(1, "u03")
	page := usersPage(t, n.URL, root.who)
	page.See("page 1: 50 users; more follow.")
	page.Press("Next page")
	page.See("page 2: 6 users.")
	until(page, "the first row has the focus", `document.activeElement.dataset.username === "u46"`)
	page.Press("Previous page")
	page.See("page 1: 50 users; more follow.")
	page.Press("Failed")
	page.Press("Failed")
	page.See("Sorted by Failed, within this page.")
	until(page, "those with most failures are first", namesNow+`.startsWith("u07 u03 ") && document.querySelector("[aria-sort]").getAttribute("aria-sort") === "descending"`)
	page.Press("Name")
	until(page, "names are sorted", namesNow+`.startsWith("ana.silva ben.okafor u45 u44 ")`)
	page.Allow("net::ERR_EMPTY_RESPONSE")
	n.follow(always("GET", root.own("/users"), hangUp))
	page.Press("Next page")
	page.See("No answer.", "The list is as it was at")
	page.Press("Failed")
	page.See("Sorted by Failed", "Not answered; as of")
	page.Press("Next page")
	page.See("No answer.", "The list is as it was at", "Not answered; as of")
	n.follow(nil)
	page.Press("Next page")
	page.See("page 2: 6 users.", "The list is up to date again.")
}

// held is a rule that keeps requests that are like this until it is released.
func held(like func(r *http.Request) bool) (rule rule, release func()) {
	gate := make(chan struct{})
	return func(_ http.ResponseWriter, r *http.Request) bool {
		if like(r) {
			<-gate
		}
		return false
	}, sync.OnceFunc(func() { close(gate) })
}

// twice presses a button again before anything can come of it.
func twice(page *browser.Page, name string) {
	browser.Eval[bool](page, fmt.Sprintf(`(() => {
		const button = [...document.querySelectorAll("button")].find((one) => one.textContent === %q);
		button.click();
		button.click();
		return true;
	})()`, name))
}

func TestAPageIsTurnedOnceUntilItIsThere(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	root := as(t, n.URL, n.of.With(t, "Sysadmin"))
	crowd(root, 52)
	turns := func(r *http.Request) bool { return r.URL.Query().Get("cursor") != "" }
	page := usersPage(t, n.URL, root.who)
	rule, release := held(turns)
	defer release()
	n.follow(rule)
	twice(page, "Next page")
	page.See("page 1: 50 users; more follow.")
	release()
	page.See("page 2: 6 users.")
	until(page, "the rows are those of page 2", namesNow+`.startsWith("u46 ")`)
	twice(page, "Previous page")
	page.See("page 1: 50 users; more follow.")

	rule, release = held(turns)
	defer release()
	n.follow(rule)
	before := n.count("GET " + root.own("/users"))
	page.Press("Next page")
	n.await(t, "GET "+root.own("/users"), before+2)
	lockedOnly(page)
	page.See("page 1: 0 users.")
	release()
	page.Press("Next page") // which leads nowhere
	lookAgain(page)
	n.await(t, "GET "+root.own("/users"), before+6)
	page.See("page 1: 0 users.", "No user is like this.")
}

func TestAFilterLetsGoOfWhatWasSelected(t *testing.T) {
	t.Parallel()
	n := relayTo(t, browser.Serve(t))
	page := usersPage(t, n.URL, n.of.With(t, "Sysadmin"))
	choose(page, "ana.silva", "ben.okafor")
	page.See("Unlock 2 selected users")
	rule, release := held(func(r *http.Request) bool { return r.URL.Path == "/clients/demo/users" })
	defer release()
	n.follow(rule)
	lockedOnly(page)
	page.See("Unlock selected")
	until(page, "no box is ticked", `!document.querySelector("[data-act=choose]:checked")`)
	release()
	page.See("No user is like this.")
}

// hasty opens the console for a person who sees in tenths of a second what
// others see in seconds: what a page does again and again, it does a hundred
// times as often.
func hasty(t *testing.T, url string, who browser.Person) *browser.Page {
	t.Helper()
	page := browser.Open(t, "about:blank")
	page.Run("hurrying", func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{
			Source: `{ const usual = setInterval; window.setInterval = (does, time) => usual(does, time / 100); }`,
		})
		return none, err
	}, chromedp.Navigate(url+"/console/"))
	enter(page, who, who.Password)
	page.See("Sign out")
	goTo(page, "User")
	page.See("Updated")
	return page
}

func TestTheTableOfUsersLooksAgainByItselfAndDisturbsNobody(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	crowd(root, 30)
	page := hasty(t, s.URL, root.who)
	choose(page, "u05", "u20")
	page.Run("moving the focus", chromedp.Focus(userRow("u20")+" [data-act=edit]"))
	const there = `[document.activeElement.dataset.act, document.activeElement.closest("tr").dataset.username, scrollY,
		[...document.querySelectorAll("[data-act=choose]:checked")].map((box) => box.closest("tr").dataset.username)].flat().join(" ")`
	before := browser.Eval[string](page, `scrollTo(0, 400), `+there)
	if !strings.HasPrefix(before, "edit u20 4") {
		t.Fatalf("before: %q", before)
	}
	updated := browser.Eval[string](page, `document.querySelector(".tools span.hint").textContent`)
	root.lock("u10")
	root.fails(1, "u20")
	root.want(http.StatusNoContent, nil, "DELETE", root.own("/users/u25"), nil)
	page.See("1 user is locked.")
	until(page, "all is shown", `!document.querySelector('`+userRow("u25")+`') && document.querySelector('`+userRow("u20")+`').textContent.includes("1/5")
		&& document.querySelector('`+userRow("u10")+` .lock')`)
	if after := browser.Eval[string](page, there); after != before {
		t.Errorf("looking again has moved somebody from %q to %q", before, after)
	}
	until(page, "it says when it looked", fmt.Sprintf(`document.querySelector(".tools span.hint").textContent !== %q`, updated))
	page.See("Unlock 2 selected users")
}

func TestTheFocusGoesToTheNextRowWhenItsOwnGoes(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	root := as(t, s.URL, s.With(t, "Sysadmin"))
	for _, username := range []string{"ana.silva", "ben.okafor", "sofia.reis"} {
		root.lock(username)
	}
	page := usersPage(t, s.URL, root.who)
	lockedOnly(page)
	listed(page, "ana.silva", "ben.okafor", "sofia.reis")
	byEnter(page, "ben.okafor")
	asked(page, "ben.okafor")
	page.Press("Yes")
	page.See("ben.okafor is unlocked")
	listed(page, "ana.silva", "sofia.reis")
	closed(page, "sofia.reis")
	root.want(http.StatusOK, nil, "POST", root.own("/users/sofia.reis/unlock"), nil)
	lookAgain(page)
	listed(page, "ana.silva")
	closed(page, "ana.silva")
	page.See("ben.okafor is unlocked") // what was said stays
	page.Key(kb.Enter)
	asked(page, "ana.silva")
	page.Press("Yes")
	page.See("No user is like this.")
	until(page, "the search has the focus", `document.activeElement.type === "search"`)
}

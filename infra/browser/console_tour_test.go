package browser_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"portcullis/infra/browser"
)

// A visitor is somebody who looks at everything that the console shows.
type visitor struct {
	*browser.Page
	t testing.TB
}

// A stop is something to look at. Each is reached from the one before it, by
// the same visitor.
type stop struct {
	name  string
	reach func(visitor)
}

// The tour has every page, every window and the sign-in page in each of its
// states. It waits for what a page is made of rather than for its words.
var tour = []stop{
	{"sign-in", func(v visitor) { v.await("form.door") }},
	{"sign-in-empty", func(v visitor) { v.Press("Sign in"); v.await("[aria-invalid]") }},
	{"sign-in-wrong", func(v visitor) { v.signIn(theManager, "wrong"); v.await(refusal) }},
	{"sign-in-locked", func(v visitor) { v.begin(); v.signIn(theLocked, companyPassword); v.await(refusal) }},
	{"sign-in-offline", func(v visitor) { v.begin(); v.answer(nothing); v.signIn(theManager, companyPassword); v.await(refusal) }},
	{"sign-in-wait", func(v visitor) { v.begin(); v.answer(later); v.signIn(theManager, companyPassword); v.await(refusal) }},
	{"not-for-this-role", func(v visitor) { v.begin(); v.signIn(theManager, companyPassword); v.See("Not for this role") }},
	{"overview-superuser", func(v visitor) { v.begin(); v.signIn(theSuperuser, companyPassword); v.await("main .lock") }},
	{"users-superuser", func(v visitor) { v.open("#/config/system/user", aRow) }},
	{"policy-superuser", func(v visitor) { v.open("#/config/services/client/security", "main strong") }},

	{"overview", func(v visitor) {
		v.begin()
		v.signIn(theSysadmin, companyPassword)
		v.open("#/overview", ".plot .bar", "main td.number")
	}},
	{"overview-numbers", func(v visitor) { v.click(".plot summary") }},
	{"users", func(v visitor) { v.open("#/config/system/user", aRow) }},
	{"users-chosen", func(v visitor) { v.choose(theLocked); v.choose(employee(3).Username) }},
	{"confirm-many", func(v visitor) { v.Press("Unlock 2 selected users"); v.window("Confirm") }},
	{"users-nobody", func(v visitor) { v.leave(); v.Fill("Search", "nobody is called this"); v.await("main td.none") }},
	{"users-locked", func(v visitor) {
		v.Fill("Search", "")
		v.tick("Locked only")
		v.await(aRow + ".locked:first-child")
	}},
	{"confirm", func(v visitor) { v.act("unlock", theLocked); v.window("Confirm"); v.await("dialog .evidence tbody td") }},
	{"users-unlocked", func(v visitor) { v.Press("Yes"); v.await(success) }},
	{"confirm-many-done", func(v visitor) {
		v.choose("all on this page")
		v.Press("Unlock 5 selected users")
		v.window("Confirm")
		v.Press("Yes")
		v.await("dialog .badge")
		v.See("Close")
	}},
	{"new-user", func(v visitor) { v.Press("Close"); v.Press("New user"); v.window("New user") }},
	{"new-user-faults", func(v visitor) {
		v.Fill("User name", "new/user")
		v.Press("Generate")
		v.Press("Create")
		v.await("dialog [aria-invalid]")
	}},
	{"new-user-password", func(v visitor) {
		v.Fill("User name", "new.user")
		v.Press("Create")
		v.window("Password of new.user")
	}},
	{"edit", func(v visitor) {
		v.Press("Done")
		v.Fill("Search", theManager)
		v.tick("Locked only")
		v.act("edit", theManager)
		v.window("Edit " + theManager)
	}},
	{"set-password", func(v visitor) { v.Press("Set password…"); v.window("Password of " + theManager) }},
	{"delete", func(v visitor) { v.leave(); v.act("edit", theManager); v.Press("Delete…"); v.window("Confirm") }},
	{"policy", func(v visitor) { v.leave(); v.open("#/config/services/client/security", "main strong") }},
	{"policy-fault", func(v visitor) { v.Fill(theMaximum, "12"); v.Press("Save"); v.await("[aria-invalid]") }},
	{"policy-foreseen", func(v visitor) { v.Fill(theMaximum, "4"); v.See("failures now") }},
	{"policy-saved", func(v visitor) { v.Press("Save"); v.await(success) }},
	{"policy-confirm", func(v visitor) { v.Press("Back to the default"); v.window("Confirm") }},
	{"audit", func(v visitor) { v.leave(); v.open("#/audit", "main tbody time") }},
	{"audit-evidence", func(v visitor) { v.click("main summary") }},
	{"audit-nothing", func(v visitor) { v.Fill("User name", "nobody"); v.await("main td.none") }},
	{"offline", func(v visitor) { v.answer(nothing); v.Press("Refresh"); v.await("#warned:not(:empty)") }},
}

// What the tour waits for, and types into.
const (
	refusal = ".door .message:not(:empty)"
	success = "#said:not(:empty)"
	aRow    = "tbody tr[data-username]"
)

// Answers that do not come from the server: none, and one that asks to wait.
const (
	nothing = `Promise.reject(new TypeError("no network"))`
	later   = `Promise.resolve(new Response('{"type": "urn:portcullis:problem:unavailable"}', {status: 503, headers: {"Retry-After": "3600"}}))`
)

// toTheConsole opens it on a company's server.
func toTheConsole(t testing.TB, size int) visitor {
	t.Helper()
	server := browser.Serve(t, furnish(t, size)...)
	return visitor{browser.Open(t, server.URL+"/console/"), t}
}

func (v visitor) begin() {
	v.t.Helper()
	v.Run("loading the page anew", chromedp.Reload())
	v.await("form.door")
}

func (v visitor) signIn(username, password string) {
	v.t.Helper()
	enter(v.Page, named(username), password)
}

// open follows the address of a page, and waits for what is on it.
func (v visitor) open(hash string, selectors ...string) {
	v.t.Helper()
	v.See("Sign out")
	v.Run("going to "+hash, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`location.hash = %q`, hash)))
	for _, selector := range selectors {
		v.await(selector)
	}
}

func (v visitor) await(selector string) {
	v.t.Helper()
	v.Run("waiting for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// window waits for a window with a title.
func (v visitor) window(title string) {
	v.t.Helper()
	v.Run("waiting for the window "+title, chromedp.WaitVisible(fmt.Sprintf(`//dialog//h2[normalize-space()=%q]`, title)))
}

// act presses a button in a user's row.
func (v visitor) act(what, username string) {
	v.t.Helper()
	v.click(userRow(username) + fmt.Sprintf(` [data-act=%q]`, what))
}

// choose ticks the box of a user, or that of all.
func (v visitor) choose(whom string) {
	v.t.Helper()
	v.click(fmt.Sprintf(`[aria-label="Select %s"]`, whom))
}

// tick clicks on a box with a label around it.
func (v visitor) tick(label string) {
	v.t.Helper()
	v.Run("ticking "+label, chromedp.Click(fmt.Sprintf(`//label[contains(., %q)]//input`, label)))
}

func (v visitor) click(selector string) {
	v.t.Helper()
	v.Run("clicking on "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// leave closes the window that is open.
func (v visitor) leave() {
	v.t.Helper()
	v.Key(kb.Escape)
	browser.Eval[bool](v.Page, `new Promise((done) => {
		const look = () => (document.querySelector("dialog") ? requestAnimationFrame(look) : done(true));
		look();
	})`)
}

// answer has the page's requests answered by a promise instead of the server,
// until the page is loaded anew.
func (v visitor) answer(promise string) {
	v.t.Helper()
	v.Run("answering", chromedp.Evaluate[chromedp.Void](`globalThis.fetch = () => `+promise+`; undefined`))
}

// settle waits for what moves.
func (v visitor) settle() {
	v.t.Helper()
	browser.Eval[bool](v.Page, `Promise.all(document.getAnimations().map((one) => one.finished)).then(() => true)`)
}

// A look is a way of looking: how wide the window is, and in which colours.
type look struct {
	width, height int64
	scheme        string
}

func (l look) String() string { return fmt.Sprintf("%d-%s", l.width, l.scheme) }

var looks = []look{{360, 740, "light"}, {360, 740, "dark"}, {1280, 800, "dark"}, {1280, 800, "light"}}

// take looks at where the visitor is.
func (v visitor) take(l look) {
	v.t.Helper()
	v.Prefer(l.scheme)
	v.Resize(l.width, l.height)
	v.settle()
}

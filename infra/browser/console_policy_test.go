package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"portcullis/infra/browser"
)

const theMaximum = "Max Failed Login Attempts Portal"

// policyPage signs a person in and opens the page of the policy.
func policyPage(t testing.TB, url string, who browser.Person) *browser.Page {
	t.Helper()
	page := console(t, url, who)
	goTo(page, "Security")
	page.See(theMaximum, "a user.")
	return page
}

// wish types a number into the field.
func wish(page *browser.Page, text string) { page.Fill(theMaximum, text) }

// counted waits until what a number means is told.
func counted(page *browser.Page) {
	until(page, "the users are counted", `document.querySelector("form [role=status]").textContent`)
}

func TestThePolicyPageTakesWholeNumbersFromOneToNine(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	admin := as(t, s.URL, s.With(t, "Sysadmin"))
	page := policyPage(t, s.URL, s.With(t, "Sysadmin"))
	page.See("5 failed logins lock a user.", "This is the default; demo has set no number of its own.")
	page.SeeNo("Back to the default")
	for _, text := range []string{"0", "10", "7.5", "", "1e1", "-3", "05"} {
		wish(page, text)
		page.SeeNo("This must be")
		page.Press("Save")
		page.See("This must be a whole number from 1 to 9.")
		if got := admin.maximum(); got != 5 {
			t.Errorf("%q: the maximum is %d now", text, got)
		}
	}
	for _, n := range []string{"1", "9"} {
		wish(page, n)
		page.SeeNo("This must be")
		page.Key(kb.Enter)
		page.See("Set by demo/root", "everywhere within 60 seconds.")
		until(page, "it is shown", fmt.Sprintf(`document.querySelector(".lead strong").textContent.startsWith(%q)`, n+" "))
		if got := fmt.Sprint(admin.maximum()); got != n {
			t.Errorf("the maximum is %s, want %s", got, n)
		}
	}
	page.Press("Back to the default")
	page.See("Go back to the default of 5?", "No unlocked user has 4 or more failures now.")
	if got := focused(page); got != "No" {
		t.Errorf("the focus is on %q, want No", got)
	}
	page.Key(kb.Enter)
	page.SeeNo("Go back to the default of 5?")
	page.See("9 failed logins lock a user.")
	page.Press("Back to the default")
	page.Press("Yes")
	page.See("This is the default;", "Back to the default. 5 failed logins lock a user")
	if page.Value(theMaximum) != "5" || focused(page) != theMaximum {
		t.Errorf("the field has %q, and the focus is on %q", page.Value(theMaximum), focused(page))
	}
}

func TestWhatANumberWillMeanIsSaidBeforeItIsSaved(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	admin := as(t, s.URL, s.With(t, "Sysadmin"))
	admin.fails(3, "ana.silva")
	admin.fails(4, "sofia.reis")
	admin.lock("ben.okafor")
	page := policyPage(t, s.URL, s.With(t, "Sysadmin"))
	const stays = " 1 user is locked now and stays so."
	for _, test := range []struct{ number, says string }{
		{"1", "Every failed login will lock, the first one too." + stays},
		{"2", "2 users have 1 or more failures now; their next failure locks them." + stays},
		{"4", "2 users have 3 or more failures now; their next failure locks them." + stays},
		{"6", "No unlocked user has 5 or more failures now." + stays},
		{"9", "No unlocked user has 8 or more failures now." + stays},
	} {
		wish(page, test.number)
		page.See(test.says)
	}
	wish(page, "5")
	page.SeeNo("stays so")
	wish(page, "4")
	page.Press("Save")
	page.See("Saved. 4 failed logins lock a user")
	wish(page, "5")
	page.See("1 user has 4 or more failures now; their next failure locks them.")
	for _, who := range []string{"ana.silva", "sofia.reis"} {
		admin.fails(1, who)
		if !admin.user(who).Locked {
			t.Errorf("the next failure has not locked %s, as was said", who)
		}
	}
}

func TestAllPagesOfUsersAreCountedAndTheProgressIsShown(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	as(t, s.URL, s.With(t, "Sysadmin")).fails(4, "sofia.reis") // the last by name
	p := relayTo(t, s)
	hold := make(chan struct{})
	p.follow(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("cursor") {
			<-hold
		}
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "limit=100", "limit=2", 1)
		return false
	})
	page := policyPage(t, p.URL, s.With(t, "Sysadmin"))
	wish(page, "3")
	page.See("Counting whom this will be close to: 2 users looked at.")
	close(hold)
	page.See("1 user has 2 or more failures now; their next failure locks them.")
	page.SeeNo("Counting")
}

func TestWhatCannotBeCountedIsSaid(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	p := relayTo(t, s)
	p.follow(always("GET", "/clients/demo/users", outage))
	page := policyPage(t, p.URL, s.With(t, "Sysadmin"))
	wish(page, "3")
	page.See("What this will mean could not be counted. Portcullis cannot answer at the moment.")
	page.Press("Save")
	page.See("Saved. 3 failed logins lock a user")
	p.follow(nil)
	wish(page, "2")
	page.See("No unlocked user has 1 or more failures now.")
}

func TestAPolicyThatSomebodyElseChangedIsExplained(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	admin := as(t, s.URL, s.With(t, "Sysadmin"))
	other := admin.make("rita", "Sysadmin")
	one, two := policyPage(t, s.URL, s.With(t, "Sysadmin")), policyPage(t, s.URL, other)
	save := func(page *browser.Page, n string) {
		wish(page, n)
		page.Press("Save")
	}
	save(two, "7")
	two.See("Saved. 7 failed logins lock a user")
	save(one, "3")
	one.See("demo/"+other.Username+" set it to 7 meanwhile, so your 3 was not saved. Press Save again if you still want it.", "7 failed logins lock a user.")
	if one.Value(theMaximum) != "3" || admin.maximum() != 7 {
		t.Errorf("the field has %s, the API %d", one.Value(theMaximum), admin.maximum())
	}
	one.Press("Save")
	one.See("Saved. 3 failed logins lock a user")
	two.Press("Back to the default")
	two.Press("Yes")
	two.See("demo/root set it to 3 meanwhile, so it was kept. Press Back to the default again if you still want that.")
	if got := admin.maximum(); got != 3 {
		t.Errorf("the maximum is %d, want 3 still", got)
	}
	two.Press("Back to the default")
	two.Press("Yes")
	two.See("Back to the default. 5 failed logins")
	save(one, "4")
	one.See("Somebody went back to the default of 5 meanwhile, so your 4 was not saved.")
	one.Press("Save")
	one.See("Saved. 4 failed logins lock a user")
}

func TestAPolicyThatCannotBeReadIsLookedForAgain(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	p := relayTo(t, s)
	page := console(t, p.URL, s.With(t, "Sysadmin"))
	p.follow(always("GET", "/clients/demo/policy", outage))
	goTo(page, "Security")
	page.See("Portcullis cannot answer at the moment.", "Try again")
	page.SeeNo("Looking", theMaximum)
	p.follow(nil)
	page.Press("Try again")
	page.See("5 failed logins lock a user.", theMaximum)
	page.SeeNo("Portcullis cannot answer")
}

func TestAPolicyWithoutAnAnswerIsExplained(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	p := relayTo(t, s)
	page := policyPage(t, p.URL, s.With(t, "Sysadmin"))
	page.Allow("net::ERR_EMPTY_RESPONSE")
	wish(page, "7")
	p.follow(always("PUT", "/clients/demo/policy", outage))
	page.Press("Save")
	page.See("Portcullis cannot answer at the moment. Request r-1. Try again in 5 seconds.",
		"Just after going back to the default, it takes half a minute until a number can be set.", "you can send it again")
	p.follow(always("PUT", "/clients/demo/policy", lost(s)))
	page.Press("Save")
	page.See("No answer.")
	if page.Value(theMaximum) != "7" {
		t.Errorf("the field has %q now", page.Value(theMaximum))
	}
	p.follow(nil)
	page.Press("Save") // the one before was taken, whose answer was lost
	page.See("Saved. 7 failed logins lock a user", "Set by demo/root")
}

func TestASuperuserReadsThePolicyOnly(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t, "-max-attempts", "7")
	page := console(t, s.URL, s.With(t, "Superuser"))
	goTo(page, "Security")
	page.See("7 failed logins lock a user. Set by portcullis", "Only a Sysadmin can change it.")
	page.SeeNo(theMaximum, "Save", "Back to the default")
	if browser.Eval[bool](page, `[...document.querySelectorAll("main input, main button")].some((one) => one.checkVisibility())`) {
		t.Error("there is something to change")
	}
}

func TestThePolicyIsChangedByKeyboardAlone(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	page := policyPage(t, s.URL, s.With(t, "Sysadmin"))
	tabTo(t, page, theMaximum)
	page.Key(kb.ArrowUp + kb.ArrowUp)
	counted(page)
	tabTo(t, page, "Save")
	page.Key(kb.Enter)
	page.See("Saved. 7 failed logins lock a user")
	if got := focused(page); got != "Save" {
		t.Errorf("the focus is on %q, want Save still", got)
	}
	tabTo(t, page, "Back to the default")
	page.Key(" ")
	page.See("Go back to the default of 5?")
	page.Run("going back from No", chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
	page.Key(kb.Enter)
	page.See("Back to the default. 5 failed logins lock a user")
}

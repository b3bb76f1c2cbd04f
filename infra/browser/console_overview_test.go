package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the reader's zone is one of our choice

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/browser"
	"portcullis/internal/audit"
)

// overviewPage signs a person in, who sees the overview first.
func overviewPage(t testing.TB, url string, who browser.Person) *browser.Page {
	t.Helper()
	page := console(t, url, who)
	until(page, "the overview is there", `document.querySelector("h1").textContent === "Overview"`)
	page.SeeNo("Looking…")
	return page
}

// numbers opens the table beneath the plot, and returns its rows.
func numbers(page *browser.Page) []string {
	click(page, "The numbers", `//summary[normalize-space()="The numbers"]`)
	return browser.Eval[[]string](page, `[...document.querySelectorAll(".plot tbody tr, .plot tfoot tr")].map((row) => [...row.cells].map((cell) => cell.innerText).join("|"))`)
}

func TestTheOverviewOfAClientWithoutAPast(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	page := overviewPage(t, s.URL, s.With(t, "Sysadmin"))
	page.See("Nobody is locked.", "There was nothing in these days.", "There were no locks.")
	page.SeeNo("The numbers")
}

// TestTheOverviewCountsByTheReadersDays has entries at the first and the last
// moment of days in a zone that is half a day ahead of ours.
func TestTheOverviewCountsByTheReadersDays(t *testing.T) {
	t.Parallel()
	const zone = "Pacific/Kiritimati"
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(place)
	var past []audit.Entry
	var want []string
	for _, ago := range []int{1, 2, 15, 29, 30} {
		day := time.Date(now.Year(), now.Month(), now.Day()-ago, 0, 0, 0, 0, place)
		first, last := day, day.AddDate(0, 0, 1).Add(-time.Millisecond)
		past = append(past,
			audit.Entry{At: first.UTC(), Action: audit.Lock, Actor: "portcullis", Username: "a", Details: audit.Details{LockID: "L"}},
			audit.Entry{At: last.UTC(), Action: audit.Lock, Actor: "portcullis", Username: "b", Details: audit.Details{LockID: "M"}},
			audit.Entry{At: last.UTC(), Action: audit.Unlock, Actor: "demo/root", Username: "a", Details: audit.Details{LockID: "L"}},
			audit.Entry{At: last.UTC(), Action: audit.Unlock, Actor: "demo/root", Username: "c"}, // who was not locked
		)
		if ago < 30 {
			want = append(want, day.Format("Jan 2, 2006")+"|2|1")
		}
	}
	s := browser.Serve(t, remembered(t, past...)...)
	page := browser.Open(t, s.URL+"/console/")
	page.Run("going abroad", func(ctx context.Context, on *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, on, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
		return none, err
	}, chromedp.Reload())
	page.See("Sign in as a Sysadmin or Superuser.")
	who := s.With(t, "Sysadmin")
	enter(page, who, who.Password)
	page.See("Locks and unlocks per day")
	if diff := cmp.Diff(numbers(page), append(want, "Total|8|4")); diff != "" {
		t.Errorf("the numbers (-got +want):\n%s", diff)
	}
	if bars := browser.Eval[int](page, `document.querySelectorAll(".plot rect.bar:not(.key rect)").length`); bars != 8 {
		t.Errorf("the plot has %d bars, want 8", bars)
	}
}

func TestTheOverviewOfHundredsOfLocks(t *testing.T) {
	t.Parallel()
	var sources []string
	for i := range 12 {
		sources = append(sources, fmt.Sprintf("192.0.2.%d", i))
	}
	sources[0] = markup
	s := browser.Serve(t, remembered(t, locks(250, sources...)...)...)
	page := overviewPage(t, s.URL, s.With(t, "Sysadmin"))
	rows := numbers(page)
	if got := rows[len(rows)-1]; got != "Total|250|0" {
		t.Errorf("the total is %s", got)
	}
	page.See("from 12 source addresses; the 8 with the most attempts are shown", markup)
	if top := browser.Eval[[]string](page, `[...document.querySelectorAll("[aria-labelledby=sources] tbody td")].map((cell) => cell.innerText)`); strings.Join(top, " ") != "21 21 21 21 21 21 21 21" {
		t.Errorf("the sources have %s", top)
	}
	for _, width := range []int64{360, 1280} {
		page.Resize(width, 800)
		until(page, "the plot fits", fmt.Sprintf(`((text) => innerWidth === %d && text.height > 11 && text.height < 20)(document.querySelector(".tick").getBoundingClientRect())`, width))
		if out := browser.Eval[int](page, `document.documentElement.scrollWidth - innerWidth`); out > 0 {
			t.Errorf("at %d px: %d px stick out", width, out)
		}
	}
}

func TestTheOverviewNamesWhoIsLockedNow(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t, "-max-attempts", "1")
	p := relayTo(t, s)
	admin := as(t, s.URL, s.With(t, "Sysadmin"))
	admin.want(http.StatusCreated, nil, "POST", admin.own("/users"), map[string]string{"username": "<img>", "role": "ITUser", "password": "correct horse 7"})
	// Pages are small, so that there are two.
	p.follow(func(_ http.ResponseWriter, r *http.Request) bool {
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "limit=100", "limit=2", 1)
		return false
	})
	for _, username := range []string{"ana.silva", "<img>", "ben.okafor"} {
		admin.lock(username)
	}
	for _, role := range []string{"Sysadmin", "Superuser"} {
		page := overviewPage(t, p.URL, s.With(t, role))
		page.See("3 users are locked.", "Go to the users")
		named := browser.Eval[[]string](page, `[...document.querySelectorAll("main li bdi")].map((name) => name.innerText)`)
		if diff := cmp.Diff(named, []string{"ben.okafor", "<img>", "ana.silva"}); diff != "" {
			t.Errorf("the locked, newest first (-got +want):\n%s", diff)
		}
		if role == "Superuser" {
			page.See("Sysadmins see locks and unlocks of the last days here too")
			page.SeeNo("per day", "Where failed attempts came from")
		} else {
			page.See("Attempts that led to a lock in the last 30 days, from 1 source address")
		}
	}
	if n := p.count("GET /clients/demo/audit"); n != 3 { // two pages of locks, one of unlocks; and none for the Superuser
		t.Errorf("the trail was read %d times", n)
	}
}

func TestAnOverviewThatCannotBeReadIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	p := relayTo(t, s)
	p.follow(always("GET", "/clients/demo/audit", outage))
	page := overviewPage(t, p.URL, s.With(t, "Sysadmin"))
	page.See("Nobody is locked.", "Portcullis cannot answer at the moment.")
	p.follow(nil)
	page.Press("Try again")
	page.See("There was nothing in these days.", "There were no locks.")
	page.SeeNo("Portcullis cannot answer")
}

func TestTheOverviewIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	page := overviewPage(t, s.URL, s.With(t, "Sysadmin"))
	page.See("Nobody is locked.", "Updated ", "It looks again every minute.")
	as(t, s.URL, s.With(t, "Sysadmin")).lock("ana.silva")
	page.Press("Refresh")
	page.See("1 user is locked.")
}

package browser_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"portcullis/infra/browser"
	"portcullis/internal/audit"
	"portcullis/internal/embedded"
)

// What somebody may send who wants to be read as another, or to be run by a
// spreadsheet.
const (
	override = "\u202e"
	formula  = `=HYPERLINK("http://evil.example","Open")`
)

// remembered returns the flags of a server whose demo client has a past: these
// entries of the trail.
func remembered(t testing.TB, entries ...audit.Entry) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	store, err := embedded.Open(dir, embedded.Options{Now: time.Now, NewID: rand.Text})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		e.Client, e.ID = "demo", ulid.MustNew(ulid.Timestamp(e.At), rand.Reader).String()
		if err := store.Trail.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return []string{"-data", dir}
}

// locks returns the entries of n locks, an hour after each other and the last
// one yesterday.
func locks(n int, sources ...string) []audit.Entry {
	var all []audit.Entry
	began := time.Now().Add(-24 * time.Hour).UTC().Truncate(time.Millisecond)
	for i := range n {
		at := began.Add(-time.Duration(i) * time.Hour)
		e := audit.Entry{
			At: at, Action: audit.Lock, Actor: "portcullis", Username: fmt.Sprintf("user.%d", i), SourceIP: "192.0.2.1",
			Details: audit.Details{LockID: rand.Text(), Maximum: 1, FailedAttempts: 1},
		}
		if len(sources) > 0 {
			e.Details.Evidence = []audit.Evidence{{At: at, SourceIP: sources[i%len(sources)], UserAgent: "a portal"}}
		}
		all = append(all, e)
	}
	return all
}

// auditPage signs the Sysadmin in and opens the audit trail.
func auditPage(t testing.TB, url string, who browser.Person) *browser.Page {
	t.Helper()
	page := console(t, url, who)
	goTo(page, "Audit trail")
	page.See("newest first")
	return page
}

// rowsOf returns the texts of the rows of the table, each in one line.
func rowsOf(page *browser.Page) []string {
	return browser.Eval[[]string](page, `[...document.querySelectorAll("main tbody tr")].map((row) => row.innerText.replace(/\s+/g, " ").trim())`)
}

// pick chooses from the list with a label.
func pick(page *browser.Page, label, option string) {
	page.Run("choosing "+option, chromedp.Focus(fmt.Sprintf(`//*[@id=//label[normalize-space()=%q]/@for]`, label)), chromedp.KeyEvent(option))
}

func TestTheTrailTellsLocksAndUnlocksWithTheirEvidence(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	admin := as(t, s.URL, s.With(t, "Sysadmin"))
	admin.lock("ana.silva", origin{userAgent: markup}, origin{address: "127.0.0.2", userAgent: "a portal"})
	admin.want(http.StatusOK, nil, "POST", admin.own("/users/ana.silva/unlock"),
		map[string]string{"reason": markup + " " + override + "called", "identity_confirmed_by": "call-back"})
	admin.want(http.StatusOK, nil, "POST", admin.own("/users/ben.okafor/unlock"), nil)
	admin.want(http.StatusOK, nil, "PUT", admin.own("/policy"), map[string]int{"max_failed_login_attempts_portal": 7})
	admin.want(http.StatusOK, nil, "PUT", admin.own("/users/ana.silva"), map[string]string{"role": "ITUser", "email": ""})
	admin.fails(7, markup)
	page := auditPage(t, s.URL, s.With(t, "Sysadmin"))
	rows := rowsOf(page)
	for i, want := range [][]string{
		{"Locked", markup, "At a maximum of 7 failed logins", "7 failed attempts"},
		{"User changed", "ana.silva", "demo/root", "Role: Manager → ITUser", "Changed: email address"},
		{"Policy changed", "demo/root", "Failed logins that lock: 5 → 7"},
		{"Unlocked", "ben.okafor", "Was not locked; the count of failed logins was cleared"},
		{"Unlocked", "ana.silva", "demo/root", markup + " U+202Ecalled", "Identity confirmed by call-back", "5 failed attempts"},
		{"Locked", "ana.silva", "At a maximum of 5 failed logins", "5 failed attempts"},
		{"User created"},
	} {
		for _, part := range want {
			if !strings.Contains(rows[i], part) {
				t.Errorf("row %d is %q, want %q in it", i, rows[i], part)
			}
		}
	}
	page.SeeNo("with "+markup, "127.0.0.2 with")
	click(page, "the evidence", `//tr[6]//summary`)
	page.See("from 127.0.0.1 with "+markup, "from 127.0.0.2 with a portal")
	if browser.Eval[bool](page, `document.querySelector("main img") !== null || document.body.textContent.includes("\u202e")`) {
		t.Error("what somebody sent is markup here, or turns the text around")
	}
}

func TestTheTrailIsFiltered(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t)
	admin := as(t, s.URL, s.With(t, "Sysadmin"))
	admin.lock("ana.silva")
	admin.lock("ben.okafor")
	page := auditPage(t, s.URL, s.With(t, "Sysadmin"))
	pick(page, "Action", "Locked")
	page.See("2 entries, newest first.")
	page.Fill("User name", "ana.silva")
	page.See("1 entry, newest first.")
	pick(page, "Action", "All actions")
	page.See("2 entries, newest first.") // and the creation
	page.Fill("User name", "Ana.Silva")
	page.See("There is no such entry.")
	page.Fill("User name", strings.Repeat("z", 257))
	page.See("This must have 1 to 256 bytes.")
	page.Fill("User name", "")
	page.See("7 entries, newest first.") // and the client's
	page.SeeNo("This must have")
}

func TestOlderEntriesAreShownBeneath(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t, remembered(t, locks(110, "192.0.2.7")...)...)
	page := auditPage(t, s.URL, s.With(t, "Sysadmin"))
	page.See("50 entries, newest first; older ones follow.")
	click(page, "the evidence", `//tr[50]//summary`)
	page.See("from 192.0.2.7 with a portal")
	tabTo(t, page, "Show older")
	page.Key(kb.Enter)
	page.See("100 entries, newest first; older ones follow.", "50 older entries shown.", "from 192.0.2.7 with a portal")
	if got := focused(page); got != "Show older" {
		t.Errorf("the focus is on %q, want Show older still", got)
	}
	page.Key(kb.Enter)
	page.See("115 entries, newest first.", "from 192.0.2.7 with a portal")
	if !strings.Contains(focused(page), "user.95") {
		t.Errorf("the focus is on %q, want the first of the older rows", focused(page))
	}
	rows := rowsOf(page)
	for i, row := range rows[5:] {
		if !strings.Contains(row, fmt.Sprintf("user.%d ", i)) {
			t.Fatalf("row %d is %q, want that of user.%d", i+5, row, i)
		}
	}
}

func TestBreakGlassIsMarked(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t, remembered(t, audit.Entry{
		At: time.Now().UTC(), Action: audit.Unlock, Actor: "iam:AROA1:rita", Username: "root", Reason: "nobody could sign in",
		Details: audit.Details{LockID: "L", BreakGlass: true},
	}, audit.Entry{
		At: time.Now().UTC(), Action: audit.PolicyChanged, Actor: "demo/root",
		Details: audit.Details{PreviousMaximum: 5, Maximum: 9, Outcome: "unknown"},
	})...)
	page := auditPage(t, s.URL, s.With(t, "Sysadmin"))
	page.See("iam:AROA1:rita", "nobody could sign in", "Break-glass Done with rights in AWS, not by a Sysadmin",
		"Failed logins that lock: 5 → 9", "Whether this change took effect is not known")
}

// download lets the page download, and returns what presses the button and reads
// the file of a name.
func download(t testing.TB, page *browser.Page, name string) []byte {
	t.Helper()
	dir := t.TempDir()
	page.Run("letting it download", func(ctx context.Context, on *chromedp.Target) (none chromedp.Void, err error) {
		info, err := cdp.Call(ctx, on, target.GetTargetInfo, target.GetTargetInfoParams{})
		if err != nil {
			return none, err
		}
		_, err = cdp.Call(ctx, on, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
			Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, BrowserContextID: info.TargetInfo.BrowserContextID,
		})
		return none, err
	})
	page.Press("Save as CSV")
	late, again := time.After(20*time.Second), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for {
		if file, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return file
		}
		select {
		case <-late:
			t.Fatalf("no %s is downloaded", name)
		case <-again.C:
		}
	}
}

func TestWhatIsShownIsSavedAsCSV(t *testing.T) {
	t.Parallel()
	all := locks(60)
	all[0].Reason, all[0].Username = `two "words", `+markup, formula
	all[1].Reason, all[2].Reason, all[3].Reason, all[4].Reason = "+1", "-1", "@SUM(A1)", "＝1"
	all[5].Reason = override + "é"
	s := browser.Serve(t, remembered(t, all...)...)
	who := s.With(t, "Sysadmin")
	page := auditPage(t, s.URL, who)
	pick(page, "Action", "Locked")
	page.See("50 entries, newest first; older ones follow.")
	name := "audit-demo-" + time.Now().UTC().Format(time.DateOnly) + ".csv"
	file := download(t, page, name)
	page.See("Saved 50 entries as " + name + ". Older ones are not in it: show them first.")

	text, bom := bytes.CutPrefix(file, []byte("\ufeff"))
	if !bom || bytes.Count(text, []byte("\r\n")) != 51 || bytes.Count(text, []byte("\n")) != 51 || !bytes.HasSuffix(text, []byte("\r\n")) {
		t.Errorf("the lines do not end as in RFC 4180, or there is no mark: %q", file[:80])
	}
	got, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"id", "at", "action", "actor", "username", "source_ip", "request_id", "reason", "details"}}
	var answer struct{ Entries []map[string]any }
	c := as(t, s.URL, who)
	c.want(http.StatusOK, &answer, "GET", c.own("/audit?action=authn_login_lock&limit=50"), nil)
	for _, e := range answer.Entries {
		row := make([]string, 0, len(want[0]))
		for _, column := range want[0][:8] {
			cell, _ := e[column].(string)
			if strings.ContainsAny(first(cell), "=+-@＝") {
				cell = "'" + cell // so that no spreadsheet takes it for a formula
			}
			row = append(row, cell)
		}
		want = append(want, append(row, "")) // details are compared as JSON
	}
	for i, row := range got[1:] {
		var details any
		if err := json.Unmarshal([]byte(row[8]), &details); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		if diff := cmp.Diff(details, answer.Entries[i]["details"]); diff != "" {
			t.Errorf("details of row %d (-got +want):\n%s", i, diff)
		}
		row[8] = ""
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("rows (-got +want):\n%s", diff)
	}
}

// first returns the first character of a text.
func first(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}

func TestATrailThatCannotBeReadIsSaidAndReadAgain(t *testing.T) {
	t.Parallel()
	s := browser.Serve(t, remembered(t, locks(60)...)...)
	p := relayTo(t, s)
	page := auditPage(t, p.URL, s.With(t, "Sysadmin"))
	page.Allow("net::ERR_EMPTY_RESPONSE")
	before := rowsOf(page)
	for says, answer := range map[string]http.HandlerFunc{"No answer.": hangUp, "Portcullis cannot answer at the moment.": outage} {
		p.follow(always("GET", "/clients/demo/audit", answer))
		page.Press("Refresh")
		page.See(says, "What is shown is as it was before.")
		if diff := cmp.Diff(rowsOf(page), before); diff != "" {
			t.Errorf("rows (-got +want):\n%s", diff)
		}
		if !browser.Eval[bool](page, `[...document.querySelectorAll("main button")].every((one) => one.checkVisibility() && !one.disabled)`) {
			t.Error("after what could not be read, Show older or Save as CSV is not offered any more")
		}
		p.follow(nil)
		page.Press("Refresh")
		page.SeeNo(says)
	}
	p.follow(once(1, "GET", "/clients/demo/audit", outage))
	pick(page, "Action", "Unlocked")
	page.See("What is shown is as it was before.")
	page.Press("Show older") // of what is shown, not of what was picked
	page.See("65 entries, newest first.")
}

package browser_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"portcullis/infra/browser"
)

// wireBudget is how much a first visit may fetch, in bytes as they come over the
// wire, headers included.
const wireBudget = 60_000

// A fetch is a request of the page, and what its answer weighs.
type fetch struct {
	url   string
	bytes float64
	done  bool
}

// fetches are the requests of a page by their ids.
type fetches struct {
	mu   sync.Mutex
	made map[network.RequestID]*fetch
}

func (f *fetches) listen(event any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		f.made[e.RequestID] = &fetch{url: e.Request.URL}
	case *network.EventLoadingFinished:
		if one := f.made[e.RequestID]; one != nil {
			one.bytes, one.done = e.EncodedDataLength, true
		}
	}
}

// weigh returns what all of them weigh, and whether all have come.
func (f *fetches) weigh() (total float64, made int, done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	done = true
	for _, one := range f.made {
		total, done = total+one.bytes, done && one.done
	}
	return total, len(f.made), done
}

func TestAFirstVisitFetchesLittle(t *testing.T) {
	server := browser.Serve(t)
	page := browser.Open(t, "about:blank")
	seen := &fetches{made: make(map[network.RequestID]*fetch)}
	listen := func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		if _, err = cdp.Call(ctx, target, network.Enable, network.EnableParams{}); err == nil {
			err = chromedp.Listen(ctx, seen.listen)
		}
		return none, err
	}
	// In one step: listening ends with it.
	page.Run("opening the console", listen, chromedp.Navigate(server.URL+"/console/"),
		chromedp.WaitVisible(`//button[normalize-space()="Sign in"]`), seen.await)
	total, made, _ := seen.weigh()
	t.Logf("%d requests, %.0f bytes", made, total)
	if made < 2 || total > wireBudget {
		t.Errorf("%d requests weigh %.0f bytes, want at most %d", made, total, wireBudget)
	}
}

// await waits until all have come that are on their way.
func (f *fetches) await(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
	for _, _, done := f.weigh(); !done && err == nil; _, _, done = f.weigh() {
		// What happened before a command is told before its answer.
		_, err = chromedp.Evaluate[chromedp.Void]("0")(ctx, target)
	}
	return none, err
}

// painted runs a script and returns after how many milliseconds the page is
// painted as a condition wants it, seen from the navigation (with no script) or
// from the script's beginning.
func painted(page *browser.Page, script, condition string) float64 {
	return browser.Eval[float64](page, fmt.Sprintf(`new Promise((done) => {
		const start = performance.now();
		const look = () => {
			if (!(%s)) return;
			watch.disconnect();
			requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
		};
		const watch = new MutationObserver(look);
		watch.observe(document, {subtree: true, childList: true, characterData: true});
		%s;
		look();
	})`, condition, script))
}

// firstPaint is when something was painted first after the navigation, in
// milliseconds.
const firstPaint = `new Promise((done) => new PerformanceObserver((list) => done(list.getEntries()[0].startTime)).observe({type: "paint", buffered: true}))`

// The users' page with all its rows, as the page's script sees it.
const fiftyRows = `document.querySelectorAll("tbody tr[data-username]").length === 50`

// BenchmarkPaint measures when the sign-in page is painted that nothing is kept
// of, and the users' page with 50 users after its link was followed, each beside
// the paint of the same server's smallest page. The times are of this machine;
// the ratios are of the code.
func BenchmarkPaint(b *testing.B) {
	server := browser.Serve(b, furnish(b, companySize)...)
	var empty, signIn, users []float64
	for b.Loop() {
		page := browser.Open(b, server.URL+"/health")
		empty = append(empty, browser.Eval[float64](page, firstPaint))
		v := visitor{browser.Open(b, server.URL+"/console/"), b}
		v.await("form.door")
		signIn = append(signIn, browser.Eval[float64](v.Page, firstPaint))
		v.signIn(theSysadmin, companyPassword)
		v.See("Source address")
		users = append(users, painted(v.Page, `location.hash = "#/config/system/user"`, fiftyRows))
	}
	b.ReportMetric(median(empty), "ms/empty")
	b.ReportMetric(median(signIn), "ms/sign-in")
	b.ReportMetric(median(users), "ms/50-users")
	b.ReportMetric(median(signIn)/median(empty), "sign-in/empty")
	b.ReportMetric(median(users)/median(empty), "50-users/empty")
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// longTasks starts to note what keeps the page from answering for longer than
// 50 ms, which is what browsers call a long task. A machine that is busy makes
// some too.
const longTasks = `globalThis.tasks = [0]; new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration))).observe({type: "longtask"}); undefined`

// work returns how many milliseconds of processor time the page has taken since
// its work was first asked for, its script, layout and painting together. Other
// programs do not count.
func (v visitor) work() (ms float64) {
	v.t.Helper()
	v.Run("reading the page's work", func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		if _, err = cdp.Call(ctx, t, performance.Enable, performance.EnableParams{TimeDomain: "threadTicks"}); err != nil {
			return none, err
		}
		read, err := cdp.Call(ctx, t, performance.GetMetrics, cdp.Empty{})
		for _, one := range read.Metrics {
			if one.Name == "TaskDuration" { // in seconds
				ms = one.Value * 1000
			}
		}
		return none, err
	})
	return ms
}

// BenchmarkTenThousandUsers lists, searches, turns pages, sorts, selects and
// counts. It reports how long each takes and how much processor time the page
// needs for a list, all in all: as long as that is under 50 ms, a long task is
// the machine's.
func BenchmarkTenThousandUsers(b *testing.B) {
	server := browser.Serve(b, furnish(b, 10_000)...)
	v := visitor{browser.Open(b, server.URL+"/console/"), b}
	v.signIn(theSysadmin, companyPassword)
	v.See("are locked.")
	v.Run("watching", chromedp.Evaluate[chromedp.Void](longTasks))
	var listed, worked, searched, turned []float64
	for b.Loop() {
		before := v.work()
		listed = append(listed, painted(v.Page, `location.hash = "#/overview"; location.hash = "#/config/system/user"`, fiftyRows))
		worked = append(worked, v.work()-before)
		searched = append(searched, painted(v.Page, `const box = document.querySelector("input[type=search]"); box.value = "olga"; box.dispatchEvent(new Event("input"))`,
			`[...document.querySelectorAll("tbody th")].every((cell) => cell.textContent.startsWith("o"))`))
		v.Fill("Search", "")
		v.See("aalmeida00144")
		for range 5 {
			first := browser.Eval[string](v.Page, `document.querySelector("tbody tr").dataset.username`)
			turned = append(turned, painted(v.Page, `[...document.querySelectorAll("button")].find((one) => one.textContent === "Next page").click()`,
				fmt.Sprintf(`document.querySelector("tbody tr").dataset.username !== %q`, first)))
		}
		v.Press("Role")
		v.choose("all on this page")
		v.open("#/config/services/client/security", "main strong")
		v.Fill(theMaximum, "3")
		v.See("failures now")
	}
	tasks := browser.Eval[[]float64](v.Page, "tasks")
	b.ReportMetric(median(listed), "ms/list")
	b.ReportMetric(median(worked), "cpu-ms/list")
	b.ReportMetric(median(searched), "ms/search")
	b.ReportMetric(median(turned), "ms/turn")
	b.ReportMetric(float64(len(tasks)-1)/float64(b.N), "long-tasks/op")
	b.ReportMetric(slices.Max(tasks), "ms/longest-task")
}

package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"portcullis/infra/browser"
)

func TestMain(m *testing.M) {
	code := m.Run()
	browser.Quit()
	os.Exit(code)
}

// A witness is a test that notes what it is told instead of failing.
type witness struct {
	testing.TB
	cleanup []func()
	told    []string
}

func (w *witness) Helper()          {}
func (w *witness) Cleanup(f func()) { w.cleanup = append(w.cleanup, f) }
func (w *witness) Errorf(format string, of ...any) {
	w.told = append(w.told, fmt.Sprintf(format, of...))
}
func (w *witness) Failed() bool                  { return len(w.told) > 0 }
func (w *witness) Logf(format string, of ...any) { w.told = append(w.told, fmt.Sprintf(format, of...)) }

func (w *witness) Fatal(of ...any) { w.leave("failed", of) }
func (w *witness) Skip(of ...any)  { w.leave("skipped", of) }

func (w *witness) leave(how string, of []any) {
	w.told = append(w.told, how+": "+fmt.Sprint(of...))
	runtime.Goexit()
}

// end ends the test, as package testing does.
func (w *witness) end() string {
	for i := len(w.cleanup) - 1; i >= 0; i-- {
		w.cleanup[i]()
	}
	return strings.Join(w.told, "\n")
}

// serve serves a page under a policy that allows its inline scripts, and one
// path that is refused with 401.
func serve(t *testing.T, page string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; script-src 'unsafe-inline'; img-src data:")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		fmt.Fprint(w, `<!doctype html><title>A page</title><link rel="icon" href="data:,">`+page)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestWhatAPageComplainsOfFailsItsTest(t *testing.T) {
	for _, test := range []struct{ name, page, want string }{
		{"of nothing", `all is well<script>console.log("fine"); console.warn("well")</script>`, ""},
		{"of nothing, where a request is refused", `<script>var done = fetch("/refused")</script>`, ""},
		{"on its console", `<script>console.error("no", {a: 1})</script>`, "console: no"},
		{"by an exception", `<script>nothing()</script>`, "nothing is not defined"},
		{"by a promise that nobody keeps", `<script>Promise.reject(new Error("lost"))</script>`, "lost"},
		{"of a style that its policy forbids", `<p style="color: red">red</p>`, "Content Security Policy"},
		{"of a script that its policy forbids", `<script src="https://evil.example/x.js"></script>`, "Content Security Policy"},
		{"of a request that nobody answers", `<script>var done = fetch("http://127.0.0.1:1/", {mode: "no-cors"}).catch(() => {})</script>`, "127.0.0.1:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &witness{TB: t}
			page := browser.Open(w, serve(t, test.page))
			browser.Eval[bool](page, `Promise.resolve(window.done).then(() => true)`)
			said := w.end()
			if test.want == "" && said != "" || !strings.Contains(said, test.want) {
				t.Errorf("got %q, want %q in it", said, test.want)
			}
			if _, path, left := strings.Cut(said, "a screenshot of the end is in "); left != (test.want != "") || left && os.Remove(path) != nil {
				t.Errorf("got %q, want where the screenshot is", said)
			}
		})
	}
}

func TestAComplaintIsAllowedAndThenExpected(t *testing.T) {
	for _, test := range []struct{ name, page, want string }{
		{"where it comes", `<script>console.error("no")</script>`, ""},
		{"where it does not come", ``, `never complained of "no"`},
		{"where another comes too", `<script>console.error("no"); console.error("help")</script>`, "help"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &witness{TB: t}
			browser.Open(w, serve(t, test.page)).Allow("no")
			said := w.end()
			if test.want == "" && said != "" || !strings.Contains(said, test.want) {
				t.Errorf("got %q, want %q in it", said, test.want)
			}
			if _, path, left := strings.Cut(said, "a screenshot of the end is in "); left && os.Remove(path) != nil {
				t.Errorf("there is no screenshot in %s", path)
			}
		})
	}
}

func TestAPageIsUsedByWhatAPersonSees(t *testing.T) {
	page := browser.Open(t, serve(t, `
		<label for="name">Your name</label><input id="name" value="old">
		<button id="go"> Greet <b>me</b> </button> <p id="said"></p> <p hidden>hidden</p>
		<script>document.getElementById("go").onclick = () => {
			setTimeout(() => { said.textContent = "Hello " + document.getElementById("name").value; }, 50);
		}</script>`))
	page.SeeNo("Hello", "hidden")
	page.Fill("Your name", "Ana")
	page.Press("Greet me")
	page.See("Hello Ana", "Your name")
	if page.Value("Your name") != "Ana" || page.Focus() != "go" {
		t.Errorf("got %q and the focus on %q", page.Value("Your name"), page.Focus())
	}
	page.Resize(360, 640)
	page.Prefer("dark")
	if got := browser.Eval[string](page, `innerWidth + " " + matchMedia("(prefers-color-scheme: dark)").matches`); got != "360 true" {
		t.Errorf("got %s", got)
	}
}

func TestAMissingChromiumIsNotPassedOver(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for ci, want := range map[string]string{"": "skipped: there is no Chromium", "true": "failed: there is no Chromium"} {
		t.Setenv("CI", ci)
		w := &witness{TB: t}
		var open sync.WaitGroup
		open.Go(func() { browser.Open(w, "http://127.0.0.1:1") })
		open.Wait()
		if got := strings.Join(w.told, "\n"); !strings.HasPrefix(got, want) || !strings.Contains(got, "apt-get install chromium") {
			t.Errorf("CI=%s: got %q, want %q and how to get it", ci, got, want)
		}
	}
}

func TestAServerIsThereForATest(t *testing.T) {
	s := browser.Serve(t)
	response, err := http.Get(s.URL + "/health")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || s.With(t, "Sysadmin").Password == "" {
		t.Errorf("got %d and %v", response.StatusCode, s.People)
	}
}

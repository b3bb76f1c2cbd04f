// Package browser opens pages of Portcullis in Chromium for tests, which read
// and use them as a person does: by the text that is shown, the labels of fields
// and the names of buttons. Only tests import it.
//
// The one decision a reader must know: what a page complains of fails its test.
// An exception that nothing caught, a console.error, a violation of the
// Content-Security-Policy or a request that failed is no detail that a test must
// think of looking at; one that provokes such a complaint says so with
// [Page.Allow]. An answer such as 401 is no complaint.
package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// How long a page may take. All are generous: these are hang detectors, and a
// test that is stuck ends with a screenshot of where.
const (
	openTime = 60 * time.Second
	stepTime = 20 * time.Second
	lookTime = 20 * time.Millisecond // between two looks at what is awaited
)

// A Page is a page in a browser context of its own, which has no history, no
// cache and no cookie. It is for one goroutine.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu      sync.Mutex
	said    []string // by the page, as complaints
	allowed []string // parts of what it may say, and must
}

// Open opens an address, and closes it with the test. A test that has failed by
// then leaves a screenshot.
func Open(t testing.TB, url string) *Page {
	t.Helper()
	p := &Page{t: t, ctx: start(t)}
	if err := chromedp.Listen(p.ctx, p.listen); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	t.Cleanup(p.close)
	p.do(openTime, "looking at the page", focused)
	p.do(openTime, "opening "+url, chromedp.Navigate(url))
	return p
}

// start opens a tab, which closes with the test, in a context of its own: no two
// tabs share a cache, a cookie or the focus.
func start(t testing.TB) context.Context {
	t.Helper()
	chromium, err := running(need(t))
	if err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	ctx, closed := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(closed)
	return ctx
}

// focused makes the page believe that it is the one that is looked at, which
// only one of several tabs is.
func focused(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
	_, err = cdp.Call(ctx, t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	return none, err
}

// Run runs chromedp's own actions, for what this package has no word for.
func (p *Page) Run(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	p.do(stepTime, what, actions...)
}

func (p *Page) do(limit time.Duration, what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v\nthe page shows:\n%s", what, err, p.Text())
	}
}

// Eval returns what a JavaScript expression is, or what its promise becomes.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTime)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluating %s: %v", expression, err)
	}
	return value
}

// Text returns what the page shows, as text.
func (p *Page) Text() string {
	p.t.Helper()
	text, err := p.look()
	if err != nil {
		p.t.Fatalf("reading the page: %v", err)
	}
	return text
}

func (p *Page) look() (string, error) {
	ctx, cancel := context.WithTimeout(p.ctx, stepTime)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[string](`document.body?.innerText ?? ""`))
}

// See waits until the page shows each of the texts, all at once.
func (p *Page) See(texts ...string) {
	p.t.Helper()
	p.await(fmt.Sprintf("to see %q", texts), func(shown string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(shown, text) })
	})
}

// SeeNo waits until the page shows none of the texts.
func (p *Page) SeeNo(texts ...string) {
	p.t.Helper()
	p.await(fmt.Sprintf("to see no %q", texts), func(shown string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(shown, text) })
	})
}

// await looks again and again, across navigations, which no promise survives.
func (p *Page) await(what string, is func(shown string) bool) {
	p.t.Helper()
	late := time.After(stepTime)
	again := time.NewTicker(lookTime)
	defer again.Stop()
	for {
		shown, err := p.look()
		if err == nil && is(shown) {
			return
		}
		select {
		case <-late:
			p.t.Fatalf("waited %s; the page shows (%v):\n%s", what, err, shown)
		case <-again.C:
		}
	}
}

// field and button find an element as a person does.
func field(label string) string {
	return fmt.Sprintf(`//*[@id=//label[normalize-space()=%q]/@for]`, label)
}

func button(name string) string { return fmt.Sprintf(`//button[normalize-space()=%q]`, name) }

// Fill types a value into the field with a label, in place of what it has.
func (p *Page) Fill(label, value string) {
	p.t.Helper()
	p.Run("filling in "+label, chromedp.Focus(field(label)),
		chromedp.Evaluate[chromedp.Void]("document.activeElement.select()"), chromedp.KeyEvent(kb.Delete+value))
}

// Value returns what the field with a label has.
func (p *Page) Value(label string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTime)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Value(field(label)))
	if err != nil {
		p.t.Fatalf("reading %s: %v", label, err)
	}
	return value
}

// Press clicks on the button with a name.
func (p *Page) Press(name string) {
	p.t.Helper()
	p.Run("pressing "+name, chromedp.Click(button(name)))
}

// Key presses keys where the focus is; see package kb of chromedp for those
// without a character.
func (p *Page) Key(keys string) {
	p.t.Helper()
	p.Run("pressing a key", func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		for _, event := range strokes(keys) {
			if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, event); err != nil {
				return none, err
			}
		}
		return none, nil
	})
}

// strokes are the events of keys as a keyboard makes them: the character comes
// with the key that goes down, so that a page which takes the key gets no
// character. chromedp.KeyEvent sends it in any case, to wherever the focus is
// then.
func strokes(keys string) []input.DispatchKeyEventParams {
	var all []input.DispatchKeyEventParams
	for _, key := range keys {
		for _, event := range kb.Encode(key) {
			if event.Type == kb.KeyChar {
				down := &all[len(all)-1]
				down.Text, down.UnmodifiedText = event.Text, event.UnmodifiedText
				continue
			}
			all = append(all, *event)
		}
	}
	return all
}

// Focus returns the id of the element that has the focus, or "".
func (p *Page) Focus() string {
	p.t.Helper()
	return Eval[string](p, `document.activeElement?.id ?? ""`)
}

// Resize gives the window another width and height, in CSS pixels.
func (p *Page) Resize(width, height int64) {
	p.t.Helper()
	p.Run("resizing", chromedp.EmulateViewport(width, height))
}

// Prefer tells the page that its user wants "light" or "dark" colours.
func (p *Page) Prefer(scheme string) {
	p.t.Helper()
	p.Run("preferring "+scheme, func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return none, err
	})
}

// screenshots is where screenshots are left, from the repository's root.
const screenshots = ".build/screenshots"

// Screenshot leaves a picture of the page for a person to look at, and returns
// its path.
func (p *Page) Screenshot(name string) string {
	p.t.Helper()
	path, err := p.shoot(name, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Errorf("taking a screenshot: %v", err)
	}
	return path
}

// ScreenshotWhole does so with what one would scroll to, too.
func (p *Page) ScreenshotWhole(name string) string {
	p.t.Helper()
	path, err := p.shoot(name, chromedp.FullScreenshot(100)) // which is PNG
	if err != nil {
		p.t.Errorf("taking a screenshot: %v", err)
	}
	return path
}

func (p *Page) shoot(name string, take chromedp.Action[[]byte]) (string, error) {
	ctx, cancel := context.WithTimeout(p.ctx, stepTime)
	defer cancel()
	picture, err := chromedp.Run(ctx, take)
	if err != nil {
		return "", err
	}
	root, err := repository()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, screenshots, strings.NewReplacer("/", "-", " ", "-").Replace(name)+".png")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, picture, 0o644)
}

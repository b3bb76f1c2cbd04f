package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Allow lets the page complain of something once or more, and fails the test if
// it never does. The text is a part of the complaint.
func (p *Page) Allow(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = append(p.allowed, text)
}

// anAnswer begins what Chromium says of a request that was answered, with 401
// for example.
const anAnswer = "Failed to load resource: the server responded with a status of"

// theIcon ends the address of what Chromium asks for when it has time, which may
// be when a test has taken the server away.
const theIcon = "/icon.svg"

// listen keeps what the page complains of. It is called on the goroutine that
// reads from Chromium, one event at a time.
func (p *Page) listen(event any) {
	var complaint string
	switch e := event.(type) {
	case *log.EventEntryAdded:
		late := e.Entry.Source == log.EntrySourceNetwork && strings.HasSuffix(e.Entry.URL, theIcon)
		if e.Entry.Level == log.EntryLevelError && !strings.HasPrefix(e.Entry.Text, anAnswer) && !late {
			complaint = fmt.Sprintf("%s (%s, %s)", e.Entry.Text, e.Entry.Source, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			complaint = "console: " + spelled(e.Args)
		}
	case *runtime.EventExceptionThrown:
		complaint = "exception: " + e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			complaint += " " + thrown.Description
		}
	}
	if complaint == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, complaint)
}

func spelled(values []*runtime.RemoteObject) string {
	var all []string
	for _, v := range values {
		var text string
		if err := json.Unmarshal(v.Value, &text); err != nil {
			text = strings.TrimSpace(v.Description + " " + string(v.Value))
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// close judges what the page has said, and leaves a screenshot of a test that
// has failed.
func (p *Page) close() {
	p.t.Helper()
	// What was said before a command is told before its answer.
	if err := chromedp.Do(p.ctx, chromedp.Evaluate[chromedp.Void]("0")); err != nil {
		p.t.Errorf("the page did not live to the end of the test: %v", err)
		return
	}
	p.mu.Lock()
	said, allowed := p.said, p.allowed
	p.mu.Unlock()
	for _, one := range said {
		if !slices.ContainsFunc(allowed, func(part string) bool { return strings.Contains(one, part) }) {
			p.t.Errorf("the page complains: %s", one)
		}
	}
	for _, part := range allowed {
		if !slices.ContainsFunc(said, func(one string) bool { return strings.Contains(one, part) }) {
			p.t.Errorf("the page never complained of %q, as the test expects; it said %q", part, said)
		}
	}
	if !p.t.Failed() {
		return
	}
	if path, err := p.shoot("failed-"+p.t.Name(), chromedp.CaptureScreenshot()); err == nil {
		p.t.Logf("a screenshot of the end is in %s", path)
	}
}

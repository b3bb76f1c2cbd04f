package console_test

import (
	"bytes"
	"compress/gzip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/console"
)

// wireBudget is how much a first visit may fetch, compressed, in bytes.
const wireBudget = 60_000

func site(t *testing.T) console.Site {
	t.Helper()
	made, err := console.New()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestThePageIsServedWithTheseHeaders(t *testing.T) {
	headers, _, ok := site(t).Find("index.html")
	if !ok {
		t.Fatal("there is no page")
	}
	want := map[string]string{
		"Content-Type":  "text/html; charset=utf-8",
		"Cache-Control": "no-cache",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
	}
	if diff := cmp.Diff(headers, want); diff != "" {
		t.Errorf("headers (-got +want):\n%s", diff)
	}
}

func TestTheFinderFindsWhatTheSiteHas(t *testing.T) {
	find := console.Finder()
	for name, file := range site(t) {
		headers, body, ok := find(name)
		if diff := cmp.Diff(console.File{Headers: headers, Body: body}, file); !ok || diff != "" {
			t.Errorf("%s: found %v (-got +want):\n%s", name, ok, diff)
		}
	}
	if _, _, ok := find("nothing"); ok {
		t.Error("found a file that there is not")
	}
}

func TestEveryFileButThePageIsKeptForAYearUnderTheHashOfAll(t *testing.T) {
	hashed := regexp.MustCompile(`^[0-9a-f]{16}/[a-z]+\.(js|css|svg)$`)
	for name, file := range site(t) {
		if name == "index.html" {
			continue
		}
		if !hashed.MatchString(name) {
			t.Errorf("%s is not in a folder named by a hash", name)
		}
		if got, want := file.Headers["Cache-Control"], "public, max-age=31536000, immutable"; got != want {
			t.Errorf("%s: got Cache-Control %q, want %q", name, got, want)
		}
	}
}

// references are the files that a page, a style sheet or a module asks for.
var references = regexp.MustCompile(`(?:src|href)="([^"#]+)"|from "\./([^"]+)"|import "\./([^"]+)"`)

// preloads are the modules that the page names ahead of the modules that import
// them, so that they come side by side.
var preloads = regexp.MustCompile(`<link rel="modulepreload" href="([^"]+)">`)

func TestThePageNamesEveryModuleAheadOnce(t *testing.T) {
	all := site(t)
	var got, want []string
	for _, found := range preloads.FindAllStringSubmatch(string(all["index.html"].Body), -1) {
		got = append(got, found[1])
	}
	for name := range all {
		if strings.HasSuffix(name, ".js") && !strings.HasSuffix(name, "/app.js") { // which the page itself asks for
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("modules (-got +want):\n%s", diff)
	}
}

func TestWhatThePageAsksForIsThereAndNothingElse(t *testing.T) {
	all := site(t)
	seen := map[string]bool{"index.html": true}
	queue := []string{"index.html"}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		_, body, ok := all.Find(name)
		if !ok {
			t.Fatalf("%s is asked for and is not there", name)
		}
		folder := name[:strings.LastIndex(name, "/")+1]
		body = preloads.ReplaceAll(body, nil) // which would ask for a module that nothing imports
		for _, found := range references.FindAllStringSubmatch(string(body), -1) {
			asked := folder + slices.Max(found[1:]) // two of the three are empty
			if !seen[asked] {
				seen[asked] = true
				queue = append(queue, asked)
			}
		}
	}
	for name := range all {
		if !seen[name] {
			t.Errorf("nothing asks for %s", name)
		}
	}
}

func TestThePageHasNothingThatItsPolicyForbids(t *testing.T) {
	_, page, _ := site(t).Find("index.html")
	for name, forbidden := range map[string]*regexp.Regexp{
		"an inline script":       regexp.MustCompile(`<script(>| [^>]*>[^<])`),
		"an inline style":        regexp.MustCompile(`<style|style=`),
		"an event handler":       regexp.MustCompile(` on[a-z]+=`),
		"something of elsewhere": regexp.MustCompile(`(src|href)="(https?:)?//`),
	} {
		if found := forbidden.Find(page); found != nil {
			t.Errorf("the page has %s: %s", name, found)
		}
	}
	for name, file := range site(t) {
		for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", "sessionStorage", "document.cookie"} {
			if strings.HasSuffix(name, ".js") && bytes.Contains(file.Body, []byte(sink)) {
				t.Errorf("%s uses %s", name, sink)
			}
		}
	}
}

func TestAFirstVisitIsSmall(t *testing.T) {
	total := 0
	for _, file := range site(t) {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(file.Body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		total += packed.Len()
	}
	if total == 0 || total > wireBudget {
		t.Errorf("%d bytes compressed, want 1 to %d", total, wireBudget)
	}
}

func TestNoOtherPathIsServed(t *testing.T) {
	for _, path := range []string{"", "/", "index", "INDEX.HTML", "../console.go", "assets/app.js", "app.js", "files/index.html"} {
		if _, _, ok := site(t).Find(path); ok {
			t.Errorf("%q is served", path)
		}
	}
}

package browser_test

import (
	"flag"
	"fmt"
	"testing"

	"portcullis/infra/browser"
)

// pictures is set by `make screenshots`.
var pictures = flag.Bool("pictures", false, "take pictures of the console, for a person to look at")

// TestPictures takes a picture of everything on the tour in every look. It finds
// no fault by itself; somebody has to look.
func TestPictures(t *testing.T) {
	if !*pictures {
		t.Skip("make screenshots takes them")
	}
	v := toTheConsole(t, companySize)
	for _, s := range tour {
		s.reach(v)
		for _, l := range looks {
			v.take(l)
			fmt.Println(v.picture(s.name + "-" + l.String()))
		}
	}
}

// picture shows a page whole, and a window as it covers the page.
func (v visitor) picture(name string) string {
	v.t.Helper()
	if browser.Eval[bool](v.Page, `document.querySelector("dialog[open]") !== null`) {
		return v.Screenshot(name)
	}
	return v.ScreenshotWhole(name)
}

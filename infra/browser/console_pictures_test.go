package browser_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

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
			name := s.name + "-" + l.String()
			fmt.Println(v.picture(name))
			if slices.Contains(ofReadme, name) {
				fmt.Println(v.small(name))
			}
		}
	}
}

// ofReadme are the pictures that README shows. They are written a second time, in
// a format that is small, to be copied to the folder pictures beside this file.
var ofReadme = []string{"confirm-1280-light", "overview-1280-dark"}

// small takes a picture of what the window shows as WebP, and returns its path.
func (v visitor) small(name string) string {
	v.t.Helper()
	path := filepath.Join("..", "..", ".build", "screenshots", name+".webp")
	v.Run("taking a small picture", func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		quality := int64(90)
		taken, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: "webp", Quality: &quality})
		if err != nil {
			return none, err
		}
		return none, os.WriteFile(path, taken.Data, 0o644)
	})
	return path
}

// picture shows a page whole, and a window as it covers the page.
func (v visitor) picture(name string) string {
	v.t.Helper()
	if browser.Eval[bool](v.Page, `document.querySelector("dialog[open]") !== null`) {
		return v.Screenshot(name)
	}
	return v.ScreenshotWhole(name)
}

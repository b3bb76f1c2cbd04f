package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/browser"
)

// axe is where infra/tools/axe has put axe-core, seen from this package.
var axe = filepath.Join("..", "..", ".build", "axe", "node_modules", "axe-core", "axe.min.js")

// judge runs rules of axe-core. It returns a line for each element that breaks
// one.
func (v visitor) judge(rules string) []string {
	v.t.Helper()
	return browser.Eval[[]string](v.Page, `axe.run(document, {
		runOnly: `+rules+`, rules: {"target-size": {enabled: true}}, resultTypes: ["violations"],
	}).then(({violations, passes}) => {
		if (passes.length === 0) throw new Error("axe-core has checked nothing");
		return violations.flatMap((rule) => rule.nodes.map((node) => rule.id + ": " + node.target.join(" ") + ": " + node.failureSummary));
	})`)
}

// The rules of WCAG 2.2 AA and axe-core's best practices; and those of them that
// colours can break.
const (
	everyRule = `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`
	ofColours = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
)

// needAxe returns the source of axe-core. Where it is not installed the test is
// skipped, which infra/tools/axe has said aloud; where CI is set it fails.
func needAxe(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(axe)
	switch {
	case err == nil:
		return string(source)
	case os.Getenv("CI") != "":
		t.Fatalf("there is no axe-core, so accessibility cannot be tested: %v (infra/tools/axe installs it)", err)
	default:
		t.Skipf("there is no axe-core, so accessibility cannot be tested: %v (infra/tools/axe installs it)", err)
	}
	return ""
}

// inject gives the page axe-core by the debugger's way, which its policy does not
// keep out.
func (v visitor) inject(source string) {
	v.t.Helper()
	v.Run("injecting axe-core", chromedp.Evaluate[chromedp.Void](source+"\n;undefined"))
}

func TestNothingOnTheTourBreaksARuleOfAccessibility(t *testing.T) {
	source := needAxe(t)
	v := toTheConsole(t, companySize)
	for _, s := range tour {
		s.reach(v)
		v.inject(source)
		for i, l := range looks {
			rules := everyRule
			if i > 0 && looks[i-1].width == l.width { // only the colours are others
				rules = ofColours
			}
			v.take(l)
			for _, broken := range v.judge(rules) {
				t.Errorf("%s, %s: %s", s.name, l, broken)
			}
		}
	}
}

// narrow are widths in CSS pixels at which nothing may have to be scrolled
// sideways (WCAG 1.4.10): that of 1280 pixels at 400 %, and at 200 %.
var narrow = []int64{320, 640}

// overflowing names what is wider than what it is in, and may not be: tables
// scroll in a frame of their own.
const overflowing = `[document.scrollingElement, ...document.querySelectorAll("dialog")]
	.filter((one) => one.scrollWidth > one.clientWidth)
	.map((one) => one.localName + " of " + one.clientWidth + " pixels has " + one.scrollWidth)`

func TestNothingOnTheTourHasToBeScrolledSideways(t *testing.T) {
	v := toTheConsole(t, companySize)
	for _, s := range tour {
		s.reach(v)
		for _, width := range narrow {
			v.take(look{width, 740, "light"})
			for _, wide := range browser.Eval[[]string](v.Page, overflowing) {
				t.Errorf("%s, in a window of %d pixels: %s", s.name, width, wide)
			}
		}
		v.take(looks[len(looks)-1])
	}
}

// underFocus tells of what has the focus: its name, and whether it can be seen, with
// a line around it and neither out of the window nor behind the message (WCAG
// 2.4.7 and 2.4.11).
const underFocus = `(() => {
	const one = document.activeElement, box = one.getBoundingClientRect();
	const name = one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent ?? one.dataset.username ?? one.textContent;
	const message = document.querySelector("#said:not(:empty), #warned:not(:empty)");
	const bottom = Math.min(innerHeight, message?.getBoundingClientRect().top ?? innerHeight);
	const faults = [];
	if (getComputedStyle(one).outlineStyle === "none") faults.push("no outline");
	if (box.bottom > bottom + 1 && box.height < bottom) faults.push("hidden below " + bottom + ": " + box.bottom);
	if (box.top < 0) faults.push("hidden above: " + box.top);
	return {name: name.trim(), faults};
})()`

// A focus is what underFocus tells.
type focus struct {
	Name   string
	Faults []string
}

// tabs is how often the key is pressed: through what is above the list, and some
// rows further than the window is high.
const tabs = 40

func TestTheTabKeyLeadsThroughTheUsersInTheOrderTheyAreReadAndWhereItIsCanBeSeen(t *testing.T) {
	v := toTheConsole(t, companySize)
	v.signIn(theSysadmin, companyPassword)
	v.open("#/config/system/user", aRow)
	v.take(looks[0])
	v.act("unlock", theLocked)
	v.await("dialog .evidence")
	v.Press("Yes")
	v.await(success)
	browser.Eval[bool](v.Page, `(document.querySelector(".skip").focus(), true)`)
	var got []string
	for range tabs {
		v.Key(kb.Tab)
		at := browser.Eval[focus](v.Page, underFocus)
		got = append(got, at.Name)
		for _, fault := range at.Faults {
			t.Errorf("the focus is on %q: %s", at.Name, fault)
		}
	}
	want := []string{
		"Sign out", "Overview", "User", "Security", "Audit trail",
		"Search", "Role", "Locked only", "New user", "Refresh", "Select all on this page",
		"User", "Name", "Role", "Failed", "Since", "Sources",
	}
	if diff := cmp.Diff(got[:len(want)], want); diff != "" {
		t.Errorf("the order of the Tab key (-got +want):\n%s", diff)
	}
}

// prefer tells the page what else its user prefers.
func (v visitor) prefer(feature, value string) {
	v.t.Helper()
	v.Run("preferring "+value, func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
		})
		return none, err
	})
}

func TestWindowsMoveOnlyForThoseWhoDoNotMind(t *testing.T) {
	v := toTheConsole(t, companySize)
	v.signIn(theSysadmin, companyPassword)
	v.open("#/config/system/user", userRow(theLocked))
	for value, want := range map[string]int{"no-preference": 1, "reduce": 0} {
		v.prefer("prefers-reduced-motion", value)
		// In one step: what moves has ended a moment later.
		moving := browser.Eval[int](v.Page, fmt.Sprintf(`(document.querySelector('[data-username=%q] [data-act=unlock]').click(), document.getAnimations().length)`, theLocked))
		if moving != want {
			t.Errorf("%s: %d things move, want %d", value, moving, want)
		}
		v.leave()
	}
}

func TestWhatIsChosenShowsInTheSystemsOwnColours(t *testing.T) {
	v := toTheConsole(t, companySize)
	v.signIn(theSysadmin, companyPassword)
	v.open("#/config/system/user", userRow(theLocked))
	v.choose(theLocked)
	v.prefer("forced-colors", "active")
	for _, selector := range []string{userRow(theLocked), "#menu a[aria-current]"} {
		if style := browser.Eval[string](v.Page, fmt.Sprintf("getComputedStyle(document.querySelector(%q)).outlineStyle", selector)); style != "solid" {
			t.Errorf("%s has the outline %q, want one that is solid", selector, style)
		}
	}
	v.Screenshot("users-forced-colours")
}

// counted is what of each role a screen reader is told of.
func (v visitor) counted(roles ...string) map[string]int {
	v.t.Helper()
	all := make(map[string]int)
	v.Run("reading what a screen reader is told", func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		tree, err := cdp.Call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		for _, node := range tree.Nodes {
			var role string
			if node.Role != nil && json.Unmarshal(node.Role.Value, &role) == nil && !node.Ignored && slices.Contains(roles, role) {
				all[role]++
			}
		}
		return none, err
	})
	return all
}

func TestATableStaysATableOnANarrowScreen(t *testing.T) {
	v := toTheConsole(t, companySize)
	v.signIn(theSuperuser, companyPassword)
	v.open("#/config/system/user", aRow)
	v.take(looks[0])
	got := v.counted("table", "columnheader", "rowheader")
	want := map[string]int{"table": 1, "columnheader": 6, "rowheader": 50}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("what a screen reader is told of (-got +want):\n%s", diff)
	}
}

func TestTheRulesOfAccessibilityCanBeBroken(t *testing.T) {
	v := toTheConsole(t, companySize)
	v.await("form.door")
	v.inject(needAxe(t))
	browser.Eval[bool](v.Page, `(document.querySelector("label").remove(), true)`)
	if broken := v.judge(everyRule); !slices.ContainsFunc(broken, func(one string) bool { return strings.HasPrefix(one, "label: ") }) {
		t.Errorf("got %q, want the missing label in it", broken)
	}
}

package infra_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLinksLeadToFiles looks at the links of the README, of the decisions and of the
// documents beside them.
func TestLinksLeadToFiles(t *testing.T) {
	documents := []string{filepath.Join(root, "README.md")}
	for _, folder := range []string{"infra", "infra/decisions", ".github"} {
		found, err := filepath.Glob(filepath.Join(root, folder, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	links := 0
	for _, document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range fileLinks(string(text)) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(document), filepath.FromSlash(link))); err != nil {
				t.Errorf("%s links to nothing: %v", document, err)
			}
		}
	}
	if links == 0 {
		t.Error("found no link; this looks in the wrong place")
	}
}

// inlineLink is a link of Markdown with its target in parentheses, perhaps
// followed by a title; footLink is one defined at the foot.
var (
	inlineLink = regexp.MustCompile(`\]\(\s*<?([^()\s<>]+)`)
	footLink   = regexp.MustCompile(`(?m)^ {0,3}\[[^\]]+\]:\s*<?([^\s<>]+)`)
)

// fileLinks returns the files that a text links to, without the places within
// them. Links to the world and within the text itself are not its business.
func fileLinks(text string) []string {
	var files []string
	for _, match := range append(inlineLink.FindAllStringSubmatch(text, -1), footLink.FindAllStringSubmatch(text, -1)...) {
		file, _, _ := strings.Cut(match[1], "#")
		if file == "" || strings.Contains(file, "://") || strings.HasPrefix(file, "mailto:") {
			continue
		}
		files = append(files, path.Clean(file))
	}
	return files
}

func TestFileLinksAreFound(t *testing.T) {
	text := "[a](a.md) [b](b/c.go#L3 \"title\") [c](#here) [d](https://example.com/e.md) ![e](<e.png>) [f](mailto:a@b)\n" +
		"[g]: ../g.md\n[0001](0001-x.md)"
	want := []string{"a.md", "b/c.go", "e.png", "0001-x.md", "../g.md"}
	if diff := cmp.Diff(fileLinks(text), want); diff != "" {
		t.Errorf("links (-got +want):\n%s", diff)
	}
}

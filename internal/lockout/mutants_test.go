package lockout_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The model check is worth what it can find. Here the source text of the rule
// and the gate is changed, one condition at a time; the model check is compiled
// with it (an overlay, so that no file is touched) and must break a promise. A
// mutant whose text is no longer in the source fails as well.

// A mutant is a change of the source.
type mutant struct {
	name  string
	often bool // in every test run, and not only under `make proof`
	edits []edit
	// equal says why the rule holds all the same; empty for a mutant that must
	// be found. What is equal must stay so: it is explored under `make proof`.
	equal string
}

// An edit replaces a text that is in the file exactly once.
type edit struct{ file, old, new string }

func TestEveryMutantOfTheRuleIsFound(t *testing.T) {
	names, all := map[string]bool{}, mutants()
	for i, m := range all {
		if names[m.name] {
			t.Fatalf("two mutants are called %q", m.name)
		}
		names[m.name] = true
		place := fmt.Sprintf("%2d of %d", i+1, len(all))
		t.Run(m.name, func(t *testing.T) {
			sources := m.sources(t)
			if !m.often && !*proof {
				return // its text is there, which is all that is asked of it here
			}
			began := time.Now()
			_, broken := exploreApart(t, sources)
			switch {
			case m.equal == "" && broken == "":
				t.Error("it survives: nothing that it breaks is checked")
			case m.equal != "" && broken != "":
				t.Errorf("it was held for equal, since %s, and is found: %s", m.equal, broken)
			case m.equal != "":
				t.Logf("%s: %q is equal: %s (%v)", place, m.name, m.equal, time.Since(began).Round(time.Second/10))
			default:
				t.Logf("%s: %q breaks: %s (%v)", place, m.name, broken, time.Since(began).Round(time.Second/10))
			}
		})
	}
}

// sources returns the text of the files that the mutant changes.
func (m mutant) sources(t *testing.T) map[string]string {
	t.Helper()
	sources := map[string]string{}
	for _, e := range m.edits {
		text, ok := sources[e.file]
		if !ok {
			read, err := os.ReadFile(e.file)
			if err != nil {
				t.Fatal(err)
			}
			text = string(read)
		}
		if n := strings.Count(text, e.old); n != 1 {
			t.Fatalf("%s has %d times, and not once:\n%s", e.file, n, e.old)
		}
		sources[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return sources
}

package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// An outcome is what became of a case.
type outcome string

// The outcomes. A case that could not be tried says why.
const (
	passed  outcome = "passed"
	failed  outcome = "failed"
	untried outcome = "could not be tried"
)

// A result is a case that is over.
type result struct {
	Name      string   `json:"case"`
	Outcome   outcome  `json:"outcome"`
	Says      []string `json:"says,omitempty"` // what is wrong, or why it was not tried
	StandsFor []string `json:"stands_for,omitempty"`
	Seconds   float64  `json:"seconds"`
}

// A report tells of the results as they come: people a line for each, scripts a
// JSON object. It is safe for concurrent use.
type report struct {
	out, progress io.Writer
	json          bool
	junit         io.WriteCloser // nil for none
	total         int

	mu                      sync.Mutex
	passed, failed, untried int
	results                 []result
}

// note says what is going on, to people alone.
func (r *report) note(format string, values ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.progress, "conformance: "+format+"\n", values...)
}

// add tells of one result.
func (r *report) add(one result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch one.Outcome {
	case passed:
		r.passed++
	case failed:
		r.failed++
	default:
		r.untried++
	}
	r.results = append(r.results, one)
	if r.json {
		_ = json.NewEncoder(r.out).Encode(one)
		return
	}
	fmt.Fprintf(r.out, "[%*d/%d] %s: %s", len(fmt.Sprint(r.total)), len(r.results), r.total, one.Outcome, one.Name)
	if len(one.StandsFor) > 0 {
		fmt.Fprintf(r.out, " [%s]", strings.Join(one.StandsFor, "; "))
	}
	fmt.Fprintf(r.out, " (%.1f s)\n", one.Seconds)
	for _, line := range one.Says {
		fmt.Fprintf(r.out, "        %s\n", strings.ReplaceAll(strings.TrimSpace(line), "\n", "\n        "))
	}
}

// summarize tells of all of them, where any was tried.
func (r *report) summarize(took time.Duration, requests int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.json {
		_ = json.NewEncoder(r.out).Encode(map[string]any{
			"cases": r.total, "passed": r.passed, "failed": r.failed, "untried": r.untried, "seconds": took.Seconds(), "requests": requests,
		})
		return
	}
	fmt.Fprintf(r.out, "\n%d cases: %d passed, %d failed", r.total, r.passed, r.failed)
	if r.untried > 0 {
		fmt.Fprintf(r.out, ", %d could not be tried", r.untried)
	}
	if left := r.total - len(r.results); left > 0 {
		fmt.Fprintf(r.out, ", %d not reached", left)
	}
	fmt.Fprintf(r.out, " (%.0f s, %d requests)\n", took.Seconds(), requests)
}

// close writes the JUnit report.
func (r *report) close() error {
	if r.junit == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	suite := junitSuite{Name: "portcullis conformance", Tests: len(r.results), Failures: r.failed, Skipped: r.untried}
	for _, one := range r.results {
		suite.Cases = append(suite.Cases, junitOf(one))
	}
	text, err := xml.MarshalIndent(suite, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(r.junit, "%s%s\n", xml.Header, text)
	}
	if closed := r.junit.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("-junit: %w", err)
	}
	return nil
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Seconds string     `xml:"time,attr"`
	Failure *junitText `xml:"failure"`
	Skipped *junitText `xml:"skipped"`
}

type junitText struct {
	Message string `xml:"message,attr"`
}

func junitOf(one result) junitCase {
	group, name, _ := strings.Cut(one.Name, "/")
	c := junitCase{Class: group, Name: name, Seconds: fmt.Sprintf("%.3f", one.Seconds)}
	says := &junitText{strings.Join(one.Says, "\n")}
	switch one.Outcome {
	case failed:
		c.Failure = says
	case untried:
		c.Skipped = says
	}
	return c
}

// printList lists cases, with what each stands for.
func printList(w io.Writer, all []testCase) {
	for _, c := range all {
		fmt.Fprintln(w, c.name)
		for _, i := range c.standsFor {
			fmt.Fprintf(w, "    %s, %s: %s (%s)\n", i.id, i.product, i.what, i.source)
		}
	}
	fmt.Fprintf(w, "\n%d cases\n", len(all))
}

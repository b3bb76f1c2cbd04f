package load

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// A Table is rows under a head.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
	Words int // how many columns, the first ones, are words; the others are numbers
}

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Text writes the table for a terminal.
func (t *Table) Text(w io.Writer) error { return t.write(w, "%s\n", "  ", "  ", "") }

// Markdown writes the table for a page, its title as bold text.
func (t *Table) Markdown(w io.Writer) error { return t.write(w, "**%s**\n\n", "| ", " | ", " |") }

// write writes title and rows, all cells of a column as wide as the widest.
func (t *Table) write(w io.Writer, title, before, between, after string) error {
	var b strings.Builder
	if t.Title != "" {
		fmt.Fprintf(&b, title, t.Title)
	}
	widths := t.widths()
	for i, row := range append([][]string{t.Head}, t.Rows...) {
		cells := make([]string, len(widths))
		for column := range widths {
			cell := ""
			if column < len(row) {
				cell = row[column]
			}
			cells[column] = padded(cell, widths[column], column < t.Words)
		}
		b.WriteString(strings.TrimRight(before+strings.Join(cells, between)+after, " ") + "\n")
		if i == 0 && after != "" {
			b.WriteString(rule(widths, t.Words) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

func (t *Table) widths() []int {
	widths := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i := range min(len(row), len(widths)) {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]), 3)
		}
	}
	return widths
}

func padded(cell string, width int, left bool) string {
	blanks := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
	if left {
		return cell + blanks
	}
	return blanks + cell
}

// rule is the line below a head; a colon puts a column to the right.
func rule(widths []int, words int) string {
	cells := make([]string, len(widths))
	for i, width := range widths {
		cells[i] = strings.Repeat("-", width-1) + ":"
		if i < words {
			cells[i] = strings.Repeat("-", width)
		}
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// Text writes "1.02 (0.99 to 1.10)": the median, and between what it lay. show
// writes one number.
func (s Spread) Text(show func(float64) string) string {
	return fmt.Sprintf("%s (%s to %s)", show(s.Median), show(s.Min), show(s.Max))
}

// Times writes a ratio.
func Times(ratio float64) string { return fmt.Sprintf("%.3f", ratio) }

// Nanoseconds writes a time with three digits: 31.4ms.
func Nanoseconds(ns float64) string {
	d := time.Duration(ns)
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}

// Number writes a number with at least three digits.
func Number(n float64) string {
	switch {
	case n >= 100:
		return fmt.Sprintf("%.0f", n)
	case n >= 10:
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.2f", n)
}

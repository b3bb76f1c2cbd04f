package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// A table is what is printed.
type table struct {
	title, note string
	head        []string
	rows        [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func print(w io.Writer, markdown bool, tables []table) error {
	for _, t := range tables {
		write := t.text
		if markdown {
			write = t.markdown
		}
		if err := write(w); err != nil {
			return err
		}
	}
	return nil
}

// text writes the table in columns.
func (t table) text(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "\n%s\n%s\n", t.title, t.note); err != nil {
		return err
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.head}, t.rows...) {
		fmt.Fprintf(columns, "  %s\n", strings.Join(row, "\t"))
	}
	return columns.Flush()
}

// markdown writes the table as GitHub reads it.
func (t table) markdown(w io.Writer) error {
	rule := strings.Repeat("| --- ", len(t.head)) + "|\n"
	if _, err := fmt.Fprintf(w, "\n### %s\n\n%s\n\n%s%s", t.title, t.note, line(t.head), rule); err != nil {
		return err
	}
	for _, row := range t.rows {
		if _, err := io.WriteString(w, line(row)); err != nil {
			return err
		}
	}
	return nil
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

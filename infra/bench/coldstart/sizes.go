package main

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The goals, in bytes. Lambda fetches the zipped function and unpacks it.
const (
	maxBinary = 10_000_000
	maxZipped = 4_000_000
)

// A size is that of a function's binary, plain and zipped.
type size struct{ binary, zipped int64 }

func (b *bench) sizes(names []string) (map[string]size, error) {
	all := map[string]size{}
	for _, name := range names {
		got, err := sizeOf(filepath.Join(b.functions, name, "bootstrap"))
		if err != nil {
			return nil, err
		}
		all[name] = got
	}
	got, err := sizeOf(b.empty)
	all[empty] = got
	return all, err
}

// sizeOf zips a file as Lambda takes it.
func sizeOf(path string) (size, error) {
	file, err := os.Open(path)
	if err != nil {
		return size{}, err
	}
	defer file.Close()
	var written counter
	archive := zip.NewWriter(&written)
	entry, err := archive.Create("bootstrap")
	if err != nil {
		return size{}, err
	}
	binary, err := io.Copy(entry, file)
	if err != nil {
		return size{}, err
	}
	if err := archive.Close(); err != nil {
		return size{}, err
	}
	return size{binary, int64(written)}, nil
}

// A counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func sizeTable(all map[string]size) table {
	t := table{
		title: "Sizes, in MB of 1,000,000 bytes",
		note:  fmt.Sprintf("The goals are less than %d plain and less than %d zipped.", maxBinary/1_000_000, maxZipped/1_000_000),
		head:  []string{"function", "binary", "zipped", ""},
	}
	for _, name := range sortedKeys(all) {
		s, missed := all[name], ""
		if s.binary >= maxBinary || s.zipped >= maxZipped {
			missed = "misses"
		}
		t.add(name, fmt.Sprintf("%.2f", float64(s.binary)/1e6), fmt.Sprintf("%.2f", float64(s.zipped)/1e6), missed)
	}
	return t
}

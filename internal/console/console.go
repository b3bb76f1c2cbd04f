// Package console is the admin console: a page, a style sheet and a handful of
// ES modules, embedded in the binary, and the headers they are served with.
//
// The console is a client of the API like any other. It holds no rule and no
// secret: what a caller may do is decided where it is done, and tokens stay in
// the page's memory.
//
// The one decision a reader must know: all files but the page live in a folder
// whose name is a hash of them all. So each may be kept for a year, a change of
// any is a change of the folder, and modules import each other by plain relative
// names, without a build step that rewrites them. The page, which names the
// folder, is asked for each time.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed files
var embedded embed.FS

// page is the one file that is not in the hashed folder.
const page = "index.html"

// folderBytes is how much of the hash names the folder: 64 bits tell releases
// apart.
const folderBytes = 8

// How long browsers may keep an answer (RFC 9111; RFC 8246 for "immutable").
const (
	keepForAYear = "public, max-age=31536000, immutable"
	askEachTime  = "no-cache"
)

// types are the content types of the files, by their suffixes.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// policy is the page's Content-Security-Policy: its own scripts, styles and
// pictures, its own API, and nothing else. Trusted Types make a script that
// would parse HTML fail.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// A File is what is served under one path.
type File struct {
	Headers map[string]string
	Body    []byte
}

// A Site is the files of the console by their paths below /console/. It is safe
// for concurrent use and is not changed after [New].
type Site map[string]File

// New returns the console. An error is a mistake in this package.
func New() (Site, error) {
	all, err := read()
	if err != nil {
		return nil, fmt.Errorf("reading the console's files: %w", err)
	}
	folder := hash(all)
	site := make(Site, len(all))
	for name, body := range all {
		if name == page {
			continue
		}
		file, err := fileOf(name, body, keepForAYear)
		if err != nil {
			return nil, err
		}
		site[folder+"/"+name] = file
	}
	root, err := fileOf(page, bytes.ReplaceAll(all[page], []byte("assets/"), []byte(folder+"/")), askEachTime)
	if err != nil {
		return nil, err
	}
	site[page] = root
	return site, nil
}

// Find returns the file at a path below /console/, as its headers and its body,
// which must not be changed, and whether there is one.
func (s Site) Find(path string) (headers map[string]string, body []byte, ok bool) {
	file, ok := s[path]
	return file.Headers, file.Body, ok
}

// Finder returns what [Site.Find] of the console is, and makes the console when it
// is first called: a function whose event is another than for a file is ready
// sooner. It panics where [New] has an error.
func Finder() func(path string) (headers map[string]string, body []byte, ok bool) {
	made := sync.OnceValue(func() Site {
		site, err := New()
		if err != nil {
			panic(err)
		}
		return site
	})
	return func(path string) (map[string]string, []byte, bool) { return made().Find(path) }
}

// read returns the files by their names.
func read() (map[string][]byte, error) {
	all := make(map[string][]byte)
	err := fs.WalkDir(embedded, "files", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := embedded.ReadFile(name)
		all[strings.TrimPrefix(name, "files/")] = body
		return err
	})
	return all, err
}

// hash names a set of files: any change of a name or a byte changes it.
func hash(all map[string][]byte) string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(sum, "%d %s %d\n", len(name), name, len(all[name]))
		sum.Write(all[name])
	}
	return hex.EncodeToString(sum.Sum(nil)[:folderBytes])
}

func fileOf(name string, body []byte, keep string) (File, error) {
	kind, known := types[path.Ext(name)]
	if !known {
		return File{}, fmt.Errorf("file %s of the console: no content type for it", name)
	}
	return File{Body: body, Headers: map[string]string{
		"Content-Type":                 kind,
		"Cache-Control":                keep,
		"Content-Security-Policy":      policy,
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
	}}, nil
}

package infra_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the repository, seen from this package.
const root = ".."

// modulePath begins every import of ours.
const modulePath = "portcullis/"

// A source is one parsed Go file.
type source struct {
	path string // from the repository's root, with slashes
	set  *token.FileSet
	file *ast.File
}

// parseSource parses one file. A nil text means the file itself.
func parseSource(name string, text any) (source, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, filepath.Join(root, filepath.FromSlash(name)), text, parser.ParseComments)
	return source{path: name, set: set, file: file}, err
}

// readSources parses every Go file of the repository, and fails when it finds
// suspiciously few: a check of nothing would pass.
func readSources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		s, err := parseSource(filepath.ToSlash(relative), nil)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatalf("reading the Go files: %v", err)
	}
	const fewest = 50 // far below what there is
	if len(all) < fewest {
		t.Fatalf("found only %d Go files under %s", len(all), root)
	}
	return all
}

// folder is the package's folder, "internal/lockout".
func (s source) folder() string { return path.Dir(s.path) }

// isTest reports whether the file is there for tests only.
func (s source) isTest() bool {
	return strings.HasSuffix(s.path, "_test.go") || s.folder() == "internal/lockouttest"
}

// imports returns the import paths.
func (s source) imports() []string {
	var all []string
	for _, spec := range s.file.Imports {
		all = append(all, importPath(spec))
	}
	return all
}

func importPath(spec *ast.ImportSpec) string {
	name, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic(err) // the parser has accepted it
	}
	return name
}

// nameOf returns what the file calls an import, and "" if it does not import it.
func (s source) nameOf(imported string) string {
	for _, spec := range s.file.Imports {
		switch {
		case importPath(spec) != imported:
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return path.Base(imported)
		}
	}
	return ""
}

// uses reports whether the file mentions a name of an imported package, called
// or not.
func (s source) uses(imported, name string) bool {
	local := s.nameOf(imported)
	found := false
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			found = found || ok && local != "" && x.Name == local && n.Sel.Name == name
		case *ast.Ident:
			found = found || local == "." && n.Name == name
		}
		return !found
	})
	return found
}

// functions returns the declared functions and methods that have a body.
func (s source) functions() []*ast.FuncDecl {
	var all []*ast.FuncDecl
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			all = append(all, f)
		}
	}
	return all
}

// constants returns the text of the values of the file's constants.
func (s source) constants() map[string]string {
	all := map[string]string{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		declared, ok := n.(*ast.GenDecl)
		if !ok || declared.Tok != token.CONST {
			return true
		}
		for _, spec := range declared.Specs {
			constants := spec.(*ast.ValueSpec)
			for i, value := range constants.Values {
				all[constants.Names[i].Name] = types.ExprString(value)
			}
		}
		return true
	})
	return all
}

// lines counts the lines from "func" to the closing brace.
func (s source) lines(f *ast.FuncDecl) int {
	return s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
}

// topLevel returns the names at the top of the repository. Those with a dot
// belong to tools and are left out.
func topLevel(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

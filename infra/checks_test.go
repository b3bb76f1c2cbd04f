package infra_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheChecksCanFail shows each check a file that breaks it, and one that
// comes close and does not.
func TestTheChecksCanFail(t *testing.T) {
	for _, c := range []struct {
		name  string
		check check
		path  string
		text  string
		want  []string
	}{{
		name: "a store that imports another", check: checkImports,
		path: "internal/attempts/x.go", text: `import _ "portcullis/internal/users"`,
		want: []string{"may not import internal/users"},
	}, {
		name: "a store that imports the rule", check: checkImports,
		path: "internal/attempts/x.go", text: `import _ "portcullis/internal/lockout"`,
	}, {
		name: "a test that imports what it likes", check: checkImports,
		path: "internal/attempts/x_test.go", text: `import _ "portcullis/internal/users"`,
	}, {
		name: "a function that imports the embedded store", check: checkImports,
		path: "functions/login/main.go", text: `import _ "portcullis/internal/embedded"`,
		want: []string{"may not import internal/embedded"},
	}, {
		name: "a function that imports the tests' helpers", check: checkImports,
		path: "functions/login/main.go", text: `import _ "portcullis/internal/lockouttest"`,
		want: []string{"may not import internal/lockouttest"},
	}, {
		name: "a function that imports the tests' reading of the contract", check: checkImports,
		path: "functions/query/main.go", text: `import _ "portcullis/infra/contract"`,
		want: []string{"may not import infra/contract"},
	}, {
		name: "the function that serves the contract", check: checkImports,
		path: "functions/query/main.go", text: `import _ "portcullis/infra"`,
	}, {
		name: "another that serves it", check: checkImports,
		path: "functions/login/main.go", text: `import _ "portcullis/infra"`,
		want: []string{"may not import infra"},
	}, {
		name: "a function that reads OpenAPI", check: checkTestModules,
		path: "functions/query/main.go", text: `import _ "github.com/getkin/kin-openapi/openapi3"`,
		want: []string{"may not import github.com/getkin/kin-openapi/openapi3"},
	}, {
		name: "a test that reads OpenAPI", check: checkTestModules,
		path: "infra/x_test.go", text: `import _ "github.com/getkin/kin-openapi/openapi3"`,
	}, {
		name: "a server that drives a browser", check: checkTestModules,
		path: "infra/local/x.go", text: `import _ "github.com/chromedp/chromedp"`,
		want: []string{"may not import github.com/chromedp/chromedp"},
	}, {
		name: "a server that opens pages", check: checkImports,
		path: "infra/local/x.go", text: `import _ "portcullis/infra/browser"`,
		want: []string{"may not import infra/browser"},
	}, {
		name: "a function that imports another", check: checkImports,
		path: "functions/login/main.go", text: `import _ "portcullis/functions/query"`,
		want: []string{"may not import functions/query"},
	}, {
		name: "a package nobody agreed on", check: checkImports,
		path: "internal/util/x.go", want: []string{"its package is not in the import table"},
	}, {
		name: "a function that announces, beside the one that does", check: checkImports,
		path: "functions/login/main.go", text: `import _ "portcullis/internal/announce"`,
		want: []string{"may not import internal/announce"},
	}, {
		name: "an edge that knows the SDK", check: checkAWS,
		path: "internal/httpapi/x.go", text: `import _ "github.com/aws/aws-sdk-go-v2/aws"`,
		want: []string{"may not import github.com/aws/aws-sdk-go-v2/aws"},
	}, {
		name: "an edge that knows the events", check: checkAWS,
		path: "internal/httpapi/x.go", text: `import _ "github.com/aws/aws-lambda-go/events"`,
	}, {
		name: "a store that talks to another's service", check: checkAWS,
		path: "internal/policy/x.go", text: `import _ "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"`,
		want: []string{"may not talk to dynamodb"},
	}, {
		name: "a rule with a module", check: checkLockout,
		path: "internal/lockout/x.go", text: `import _ "golang.org/x/text"`,
		want: []string{"may not import golang.org/x/text"},
	}, {
		name: "a rule that logs", check: checkLockout,
		path: "internal/lockout/x.go", text: `import _ "log/slog"`,
		want: []string{"may not import log/slog"},
	}, {
		name: "a rule that reads the clock", check: checkLockout,
		path: "internal/lockout/x.go", text: "import clock \"time\"\nvar now = clock.Now",
		want: []string{"may not read the machine's clock"},
	}, {
		name: "a rule that knows durations", check: checkLockout,
		path: "internal/lockout/x.go", text: "import \"time\"\nconst step = time.Second",
	}, {
		name: "a table with a module", check: checkLockout,
		path: "internal/access/x.go", text: `import _ "gopkg.in/yaml.v3"`,
		want: []string{"may not import gopkg.in/yaml.v3"},
	}, {
		name: "a store that knows statuses", check: checkLockout,
		path: "internal/users/x.go", text: `import _ "net/http"`,
		want: []string{"may not import net/http"},
	}, {
		name: "a key made of raw strings", check: checkKeys,
		path: "internal/httpapi/x.go", text: "import l \"portcullis/internal/lockout\"\nvar k = l.NewKey(\"a\", \"b\")",
		want: []string{"may not use lockout.NewKey: package users makes keys"},
	}, {
		name: "a key made through a dot", check: checkKeys,
		path: "internal/httpapi/x.go", text: "import . \"portcullis/internal/lockout\"\nvar k = NewKey(\"a\", \"b\")",
		want: []string{"may not use lockout.NewKey: package users makes keys"},
	}, {
		name: "a key made in users", check: checkKeys,
		path: "internal/users/x.go", text: "import \"portcullis/internal/lockout\"\nvar k = lockout.NewKey(\"a\", \"b\")",
	}, {
		name: "an init function", check: checkFunctions,
		path: "internal/users/x_test.go", text: "func init() {}",
		want: []string{"may not have an init function"},
	}, {
		name: "a method named init", check: checkFunctions,
		path: "internal/users/x.go", text: "type T int\nfunc (T) init() {}",
	}, {
		name: "a function of 61 lines", check: checkFunctions,
		path: "internal/users/x.go", text: "func f() {" + strings.Repeat("\n", 60) + "}",
		want: []string{"f has 61 lines, and may have 60"},
	}, {
		name: "a handler of 46 lines", check: checkFunctions,
		path: "internal/httpapi/x.go", text: "func f() {" + strings.Repeat("\n", 45) + "}",
		want: []string{"f has 46 lines, and may have 45"},
	}, {
		name: "a handler of 45 lines", check: checkFunctions,
		path: "internal/httpapi/x.go", text: "func f() {" + strings.Repeat("\n", 44) + "}",
	}} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.check(parse(t, c.path, c.text))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUncommentedPackagesAreFound(t *testing.T) {
	got := uncommented([]source{
		parseFile(t, "internal/a/x.go", "package a"),
		parseFile(t, "internal/b/x_test.go", "package b"),
		parseFile(t, "internal/c/doc.go", "// Package c says what it is for.\npackage c"),
		parseFile(t, "internal/c/x.go", "package c"),
		parseFile(t, "internal/d/x.go", "// Copyright of somebody.\npackage d"),
		parseFile(t, "functions/e/main.go", "// Command e does this.\npackage main"),
		parseFile(t, "functions/f/main.go", "package main"),
	})
	if diff := cmp.Diff([]string{"functions/f", "internal/a", "internal/d"}, got); diff != "" {
		t.Errorf("packages without a comment (-want +got):\n%s", diff)
	}
}

// parse makes a source of some declarations.
func parse(t *testing.T, path, declarations string) source {
	t.Helper()
	return parseFile(t, path, "package x\n"+declarations)
}

func parseFile(t *testing.T, path, text string) source {
	t.Helper()
	s, err := parseSource(path, text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

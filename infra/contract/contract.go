// Package contract holds what tests see of the API against infra/openapi.yaml:
// each request and each answer, whole. It also counts what was seen, so that an
// operation or a status that no test exercised fails a test. Only tests import
// it, and the conformance suite, which tests servers.
//
// The one decision a reader must know: a test need not say that it means to send
// a bad request. What the contract does not allow must be refused for it, with a
// status that the operation declares; and what gets any other answer (a verdict on
// a password, a conflict) must be allowed. So no request model of the gateway, all
// of which are schemas of the contract, stops what a handler would have taken.
package contract

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"portcullis/infra"
)

// A Contract is infra/openapi.yaml with what was seen of it. It is safe for
// concurrent use.
type Contract struct {
	doc  *openapi3.T
	mu   sync.Mutex
	seen map[Case]bool
}

// A Case is one status of one operation.
type Case struct {
	Operation string // method and path template, "POST /login"
	Status    int
}

// String returns "POST /login 423".
func (c Case) String() string { return fmt.Sprintf("%s %d", c.Operation, c.Status) }

// Load reads the contract and checks that it is a valid OpenAPI document whose
// examples are as their schemas say.
func Load() (*Contract, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(infra.Contract())
	if err != nil {
		return nil, fmt.Errorf("reading openapi.yaml: %w", err)
	}
	if err := doc.Validate(loader.Context, openapi3.EnableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return &Contract{doc: doc, seen: map[Case]bool{}}, nil
}

// MustLoad is Load for a variable of a test package.
func MustLoad() *Contract {
	c, err := Load()
	if err != nil {
		panic(err)
	}
	return c
}

// Document returns the parsed contract, which is not to be changed.
func (c *Contract) Document() *openapi3.T { return c.doc }

// Cases returns every status of every operation, sorted.
func (c *Contract) Cases() []Case {
	var all []Case
	for path, item := range c.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				all = append(all, Case{method + " " + path, number(status)})
			}
		}
	}
	slices.SortFunc(all, func(a, b Case) int {
		return cmp.Or(cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Status, b.Status))
	})
	return all
}

// number returns a status code, and 0 for what is none, such as "default".
func number(status string) int {
	var n int
	if _, err := fmt.Sscanf(status, "%3d", &n); err != nil {
		return 0
	}
	return n
}

// GatewayAlone reports whether no handler gives the answer, but only what stands
// before it: the operation's x-gateway-alone says so.
func (c *Contract) GatewayAlone(seen Case) bool {
	method, path, _ := strings.Cut(seen.Operation, " ")
	route := c.route(method, path)
	if route == nil {
		return false
	}
	statuses, _ := route.Operation.Extensions["x-gateway-alone"].([]any)
	return slices.ContainsFunc(statuses, func(status any) bool { return fmt.Sprint(status) == fmt.Sprint(seen.Status) })
}

// Unseen returns the cases for which must is true that no check has seen.
func (c *Contract) Unseen(must func(Case) bool) []Case {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(c.Cases(), func(one Case) bool { return !must(one) || c.seen[one] })
}

func (c *Contract) record(seen Case) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[seen] = true
}

// route returns the operation of a method on a path template, or nil.
func (c *Contract) route(method, path string) *routers.Route {
	item := c.doc.Paths.Value(path)
	if item == nil || item.Operations()[method] == nil {
		return nil
	}
	return &routers.Route{Spec: c.doc, Path: path, PathItem: item, Method: method, Operation: item.Operations()[method]}
}

// nowhere is the route of what is not in the contract, which can only be not
// found.
func (c *Contract) nowhere() *routers.Route {
	var responses openapi3.Responses
	responses.Set("404", c.doc.Components.Responses["NotFound"])
	return &routers.Route{
		Spec: c.doc, PathItem: &openapi3.PathItem{}, Method: http.MethodGet,
		Operation: &openapi3.Operation{Responses: &responses, Security: openapi3.NewSecurityRequirements()},
	}
}

package faults

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Call is one try of one call to a service.
type Call struct {
	Function  string // whose program sent it, where the program says so
	Service   string // in IAM's words: "dynamodb", "ssm", "cognito-idp", "events"; "jwks" for the keys of a pool
	Operation string // such as "UpdateItem"
	// Resource is the table, the index, the parameter or the bus; of a
	// transaction every table, in order, with a + between them.
	Resource string
	ID       string // of the call, the same for all its tries
	Try      int    // from 1
	// Nth and NthOfName number the calls of the same Place and of the same Name
	// since the last Take, from 1. All tries of a call have the same.
	Nth, NthOfName int
	Stale          bool // the read may be answered with what was true before
	Fault          Kind // what was done to it
	Status         int  // of the answer that it got; 0 for none
}

// Name is the operation as IAM writes it: "dynamodb:UpdateItem".
func (c Call) Name() string { return c.Service + ":" + c.Operation }

// Place is the operation and what it is done to: "dynamodb:UpdateItem attempts".
func (c Call) Place() string { return c.Name() + " " + c.Resource }

// services are the first words of the target header, in IAM's.
var services = map[string]string{
	"DynamoDB_20120810": "dynamodb", "AmazonSSM": "ssm",
	"AWSCognitoIdentityProviderService": "cognito-idp", "AWSEvents": "events",
}

// functionPattern finds the function in what the SDK says of the environment;
// infra/local tells each of its processes its own name so.
var functionPattern = regexp.MustCompile(`exec-env/AWS_Lambda_([a-z-]+)`)

var tryPattern = regexp.MustCompile(`attempt=(\d+)`)

// readCall reads what a request asks for.
func readCall(r *http.Request, body []byte, alias func(string) string) Call {
	c := Call{ID: r.Header.Get("Amz-Sdk-Invocation-Id"), Try: 1}
	if m := functionPattern.FindStringSubmatch(r.UserAgent()); m != nil {
		c.Function = m[1]
	}
	if m := tryPattern.FindStringSubmatch(r.Header.Get("Amz-Sdk-Request")); m != nil {
		c.Try, _ = strconv.Atoi(m[1])
	}
	target, operation, isCall := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case isCall:
		c.Service, c.Operation = services[target], operation
	case strings.HasSuffix(r.URL.Path, "/.well-known/jwks.json"):
		c.Service, c.Operation = "jwks", "Get"
	}
	if c.Service == "" {
		c.Service = target
	}
	var asked parameters
	_ = json.Unmarshal(body, &asked) // what is not JSON names nothing
	c.Resource = asked.resource(alias)
	c.Stale = asked.mayBeStale(c)
	return c
}

// parameters are those parts of the services' requests that name what they are
// about.
type parameters struct {
	TableName, IndexName string
	Name                 string // a parameter's
	ConsistentRead       bool
	RequestItems         map[string]struct{ ConsistentRead bool }
	TransactItems        []map[string]struct{ TableName string }
	Entries              []struct{ EventBusName string }
}

func (p parameters) resource(alias func(string) string) string {
	var names []string
	switch {
	case p.IndexName != "":
		return alias(p.TableName) + "/" + p.IndexName
	case p.TableName != "":
		names = []string{p.TableName}
	case p.Name != "":
		names = []string{p.Name}
	}
	names = slices.AppendSeq(names, maps.Keys(p.RequestItems))
	for _, item := range p.TransactItems {
		for _, write := range item {
			names = append(names, write.TableName)
		}
	}
	for _, e := range p.Entries {
		names = append(names, e.EventBusName)
	}
	for i := range names {
		names[i] = alias(names[i])
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "+")
}

// mayBeStale reports whether a read may be answered from before. DynamoDB's may
// unless they ask to be consistent, those of an index always; Parameter Store
// promises nothing.
func (p parameters) mayBeStale(c Call) bool {
	switch c.Name() {
	case "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan":
		return !p.ConsistentRead
	case "dynamodb:BatchGetItem":
		for _, table := range p.RequestItems {
			if !table.ConsistentRead {
				return true
			}
		}
		return false
	case "ssm:GetParameter", "ssm:GetParameterHistory":
		return true
	}
	return false
}

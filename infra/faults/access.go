package faults

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// An Access is one thing that a call does to one resource, as IAM decides about
// it: each member of a transaction is one, and each table of a batch.
type Access struct {
	Function  string
	Action    string // what IAM must allow, such as "dynamodb:PutItem"
	Resource  string // such as a table, "TABLE/index/NAME", or a parameter; by its alias
	Operation string // that it came by, such as "TransactWriteItems"
	// Attributes are the top-level ones that a request to DynamoDB names, in order
	// and with commas, or EveryAttribute. Select and Returns are its Select and its
	// ReturnValues, where it has them.
	Attributes, Select, Returns string
}

// EveryAttribute stands for a read that does not say which it wants, and gets all.
const EveryAttribute = "*"

// String writes an access on one line that [ParseAccess] reads.
func (a Access) String() string {
	line := a.Function + " " + a.Action
	for _, more := range [][2]string{
		{"on", a.Resource}, {"by", a.Operation}, {"attributes", a.Attributes}, {"select", a.Select}, {"returns", a.Returns},
	} {
		if more[1] != "" {
			line += " " + more[0] + "=" + more[1]
		}
	}
	return line
}

// ParseAccess reads a line of [Access.String].
func ParseAccess(line string) (Access, error) {
	words := strings.Split(line, " ")
	if len(words) < 2 {
		return Access{}, fmt.Errorf("%q is no access", line)
	}
	a := Access{Function: words[0], Action: words[1]}
	fields := map[string]*string{
		"on": &a.Resource, "by": &a.Operation, "attributes": &a.Attributes, "select": &a.Select, "returns": &a.Returns,
	}
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, "=")
		field, ok := fields[name]
		if !ok {
			return Access{}, fmt.Errorf("%q: an access has no %q", line, name)
		}
		*field = value
	}
	return a, nil
}

// A request is what one to a service says of what it does to one resource.
type request struct {
	TableName, IndexName   string
	Name, UserPoolID       string // of a parameter; of a pool
	Key, Item              map[string]json.RawMessage
	AttributesToGet        []string
	ProjectionExpression   string
	KeyConditionExpression string
	FilterExpression       string
	ConditionExpression    string
	UpdateExpression       string
	Names                  map[string]string `json:"ExpressionAttributeNames"`
	Select                 string
	Returns                string `json:"ReturnValues"`
}

// accesses returns what a call does, each thing once for each of its resources.
func accesses(c Call, body []byte, alias func(string) string) []Access {
	var asked struct {
		request
		RequestItems  map[string]json.RawMessage // by table: reads, or lists of writes
		TransactItems []map[string]request
		Entries       []struct{ EventBusName string }
	}
	_ = json.Unmarshal(body, &asked) // what is not JSON names nothing
	var all []Access
	add := func(action string, r request) {
		all = append(all, Access{
			Function: c.Function, Action: c.Service + ":" + action, Resource: r.resource(alias), Operation: c.Operation,
			Attributes: r.attributes(c.Service, action), Select: r.Select, Returns: r.Returns,
		})
	}
	for table, items := range asked.RequestItems {
		var r request
		_ = json.Unmarshal(items, &r)
		r.TableName = table
		r.Key = keyOfBatch(items)
		add(c.Operation, r)
	}
	for _, item := range asked.TransactItems {
		for member, r := range item {
			add(memberActions[member], r)
		}
	}
	for _, e := range asked.Entries {
		add(c.Operation, request{Name: e.EventBusName})
	}
	if all == nil {
		add(c.Operation, asked.request)
	}
	return all
}

// keyOfBatch returns one of the keys that a batch reads: all have the same names.
func keyOfBatch(items json.RawMessage) map[string]json.RawMessage {
	var read struct{ Keys []map[string]json.RawMessage }
	if err := json.Unmarshal(items, &read); err != nil || len(read.Keys) == 0 {
		return nil
	}
	return read.Keys[0]
}

// memberActions are what IAM must allow for the members of a transaction; from
// the DynamoDB Developer Guide, "Using IAM with DynamoDB transactions".
var memberActions = map[string]string{
	"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem",
}

func (r request) resource(alias func(string) string) string {
	switch {
	case r.IndexName != "":
		return alias(r.TableName) + "/index/" + r.IndexName
	case r.TableName != "":
		return alias(r.TableName)
	case r.UserPoolID != "":
		return alias(r.UserPoolID)
	}
	return alias(r.Name)
}

// attributes returns the names of all top-level attributes in a request.
func (r request) attributes(service, action string) string {
	if service != "dynamodb" {
		return ""
	}
	reads := slices.Contains([]string{"GetItem", "BatchGetItem", "Query", "Scan"}, action)
	if reads && r.ProjectionExpression == "" && len(r.AttributesToGet) == 0 {
		return EveryAttribute
	}
	names := slices.Concat(slices.Collect(maps.Keys(r.Key)), slices.Collect(maps.Keys(r.Item)), r.AttributesToGet)
	for _, expression := range []string{
		r.ProjectionExpression, r.KeyConditionExpression, r.FilterExpression, r.ConditionExpression, r.UpdateExpression,
	} {
		names = append(names, r.namesIn(expression)...)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// wordPattern is a word of an expression, with what tells a value and a part of
// another attribute from an attribute.
var wordPattern = regexp.MustCompile(`[:.]?#?[A-Za-z_][A-Za-z0-9_]*\(?`)

// expressionWords are the words of expressions that are no names, beside functions.
var expressionWords = []string{"AND", "OR", "NOT", "IN", "BETWEEN", "SET", "REMOVE", "ADD", "DELETE"}

func (r request) namesIn(expression string) []string {
	var names []string
	for _, word := range wordPattern.FindAllString(expression, -1) {
		function := strings.HasSuffix(word, "(")
		if function || word[0] == ':' || word[0] == '.' || slices.Contains(expressionWords, strings.ToUpper(word)) {
			continue
		}
		if meant, ok := r.Names[word]; ok {
			word = meant
		}
		names = append(names, word)
	}
	return names
}

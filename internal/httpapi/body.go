package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"reflect"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json/jsontext"
)

// maxBody is the largest request body, in bytes and after base64 decoding. The
// largest that means anything is a refresh token, or the names of a hundred
// users; a hundred of the longest names in other letters take two requests.
const maxBody = 8 << 10

// A presence says whether a request has a body.
type presence int

const (
	noBody presence = iota
	optionalBody
	requiredBody
)

// A body is what JSON is decoded into: a struct whose fields are values, each
// with its name in a json tag. Its check returns what is wrong with the values.
type body interface {
	check() []fault
}

// An empty is the body of a request that has none.
type empty struct{}

func (empty) check() []fault { return nil }

// bodyOf decodes the event's body: a JSON object with the fields of B and no
// others, each at most once, in UTF-8, and nothing after it. No error holds
// anything of what was sent but the names of fields.
func bodyOf[B body](event events.APIGatewayProxyRequest, want presence) (B, error) {
	var into B
	if event.Body == "" && want != requiredBody {
		return into, nil
	}
	raw, err := bodyBytes(event, want)
	if err != nil {
		return into, err
	}
	if err := decode(raw, fieldsOf(&into)); err != nil {
		return into, err
	}
	return into, invalid(into.check())
}

// fieldsOf returns the values of a body by their names.
func fieldsOf[B body](into *B) map[string]value {
	all := reflect.ValueOf(into).Elem()
	fields := make(map[string]value, all.NumField())
	for i := range all.NumField() {
		fields[all.Type().Field(i).Tag.Get("json")] = all.Field(i).Addr().Interface().(value)
	}
	return fields
}

// decode reads one JSON object and nothing after it. Package json would do this
// too, its second version as strictly, at the price of half a megabyte in every
// function.
func decode(raw []byte, fields map[string]value) error {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	if kind := d.PeekKind(); kind != '{' && kind != jsontext.KindInvalid {
		return invalid([]fault{{Message: "must be a JSON object"}})
	}
	if _, err := d.ReadToken(); err != nil {
		return unreadable("", err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return unreadable("", err)
		}
		field := name.String()
		into, known := fields[field]
		if !known {
			return invalid([]fault{{fieldName(field), "is not a field of this request"}})
		}
		if err := into.read(d); err != nil {
			return unreadable(field, err)
		}
	}
	_, _ = d.ReadToken() // the brace that was peeked at
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return invalid([]fault{{Message: "is not valid JSON in UTF-8"}})
	}
	return nil
}

// bodyBytes returns the body's bytes, once its type and size are right.
func bodyBytes(event events.APIGatewayProxyRequest, want presence) ([]byte, error) {
	limit := maxBody
	if event.IsBase64Encoded {
		limit = base64.StdEncoding.EncodedLen(maxBody)
	}
	switch {
	case want == noBody:
		return nil, &invalidError{faults: []fault{{Message: "this request takes no body"}}}
	case !isJSON(headerValues(event.Headers, event.MultiValueHeaders, "Content-Type")):
		return nil, errUnsupportedMediaType
	case len(event.Body) > limit:
		return nil, errTooLarge
	case !event.IsBase64Encoded:
		return []byte(event.Body), nil
	}
	raw, err := base64.StdEncoding.DecodeString(event.Body)
	if err != nil {
		return nil, &invalidError{faults: []fault{{Message: "is not valid base64"}}}
	}
	if len(raw) > maxBody {
		return nil, errTooLarge
	}
	return raw, nil
}

// isJSON reports whether there is one Content-Type, and it is application/json,
// with charset=utf-8 at most (RFC 8259 knows no other).
func isJSON(contentTypes []string) bool {
	if len(contentTypes) != 1 {
		return false
	}
	kind, parameters, err := mime.ParseMediaType(contentTypes[0])
	if err != nil || kind != "application/json" {
		return false
	}
	charset, given := parameters["charset"]
	delete(parameters, "charset")
	return len(parameters) == 0 && (!given || strings.EqualFold(charset, "utf-8"))
}

// headerValues returns every value of a header, whose name may be spelled in
// any case. API Gateway fills both maps; the second holds repeated headers.
func headerValues(single map[string]string, multiple map[string][]string, name string) []string {
	var values []string
	for spelled, all := range multiple {
		if strings.EqualFold(spelled, name) {
			values = append(values, all...)
		}
	}
	if values != nil {
		return values
	}
	for spelled, value := range single {
		if strings.EqualFold(spelled, name) {
			values = append(values, value)
		}
	}
	return values
}

// unreadable says what is wrong with JSON that could not be read, in words of
// our own: the decoder's repeat the input.
func unreadable(field string, err error) error {
	var kind *kindError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &kind):
		return invalid([]fault{{field, kind.Error()}})
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntactic):
		return invalid([]fault{{fieldName(syntactic.JSONPointer.LastToken()), "is there more than once"}})
	}
	return invalid([]fault{{Message: "is not valid JSON in UTF-8"}})
}

// marshal spells an answer. It is no HTML page, so its signs stand as they are.
func marshal(answer any) ([]byte, error) {
	var spelled bytes.Buffer
	e := json.NewEncoder(&spelled)
	e.SetEscapeHTML(false)
	if err := e.Encode(answer); err != nil {
		return nil, fmt.Errorf("writing the answer: %w", err)
	}
	return bytes.TrimSuffix(spelled.Bytes(), []byte("\n")), nil
}

package httpapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
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

// A body is what JSON is decoded into. Its check returns what is wrong with
// the values.
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
	if err := json.Unmarshal(raw, &into, json.RejectUnknownMembers(true)); err != nil {
		return into, &invalidError{faults: []fault{faultOf(err)}}
	}
	if jsontext.Value(raw).Kind() != '{' {
		return into, &invalidError{faults: []fault{{Message: "must be a JSON object"}}}
	}
	return into, invalid(into.check())
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

// faultOf says what is wrong with JSON that could not be decoded, in words of
// our own: the decoder's repeat the input.
func faultOf(err error) fault {
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fault{fieldName(syntactic.JSONPointer.LastToken()), "is there more than once"}
		}
		return fault{Message: "is not valid JSON in UTF-8"}
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return fault{Message: "cannot be read"}
	}
	field := fieldName(semantic.JSONPointer.LastToken())
	var kind *kindError
	switch {
	case errors.As(err, &kind):
		return fault{field, kind.Error()}
	case errors.Is(err, json.ErrUnknownName):
		return fault{field, "is not a field of this request"}
	case field == "":
		return fault{Message: "must be a JSON object"}
	}
	return fault{field, "has the wrong type"}
}

// marshal spells an answer.
func marshal(answer any) ([]byte, error) {
	spelled, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("writing the answer: %w", err)
	}
	return spelled, nil
}

package httpapi

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// A fault is one thing that is wrong with a request.
type fault struct {
	// Field is the name of the field or parameter; empty for the whole body.
	Field   string `json:"field"`
	Message string `json:"message"`
}

// maxFieldName bounds the unknown names that are repeated to the caller, in
// bytes. The longest of ours has 32.
const maxFieldName = 64

// fieldName returns the name if it looks like one, and else nothing: whatever
// a caller sends by mistake is not repeated.
func fieldName(name string) string {
	odd := func(r rune) bool {
		return r > unicode.MaxASCII || !(unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-')
	}
	if len(name) > maxFieldName || strings.ContainsFunc(name, odd) {
		return ""
	}
	return name
}

// A value is a field of a body. Its read takes one JSON value; the error is a
// [kindError] if it is of another kind than is wanted, or the decoder's.
type value interface{ read(*jsontext.Decoder) error }

// A kindError says which kind of JSON value was wanted.
type kindError struct{ want string }

func (e *kindError) Error() string { return "must be " + e.want }

// A text is a JSON string. Unlike Go's, it knows whether it was there, and
// null is not one.
type text struct {
	value string
	given bool
}

// read reads a string.
func (t *text) read(d *jsontext.Decoder) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != '"' {
		return &kindError{"a string"}
	}
	*t = text{value: token.String(), given: true}
	return nil
}

// need returns what is wrong with a text that must be there and hold 1 to
// limit bytes, none of them NUL.
func (t text) need(field string, limit int) []fault {
	switch {
	case !t.given:
		return []fault{{field, "is required"}}
	case t.value == "" || len(t.value) > limit:
		return []fault{{field, fmt.Sprintf("must have 1 to %d bytes", limit)}}
	case strings.ContainsRune(t.value, 0):
		return []fault{{field, "must not hold a NUL"}}
	}
	return nil
}

// line returns what is wrong with a text that may be left out, and else is one
// line of 1 to limit bytes without control characters.
func (t text) line(field string, limit int) []fault {
	if !t.given {
		return nil
	}
	if strings.ContainsFunc(t.value, unicode.IsControl) {
		return []fault{{field, "must not hold control characters"}}
	}
	return t.need(field, limit)
}

// lineOrNone returns what is wrong with a text that may be left out or empty, and
// else is a line.
func (t text) lineOrNone(field string, limit int) []fault {
	if t.value == "" {
		return nil
	}
	return t.line(field, limit)
}

// there returns what is wrong with a text that must be there, and whose value
// is judged elsewhere.
func (t text) there(field string) []fault {
	if !t.given {
		return []fault{{field, "is required"}}
	}
	return nil
}

// trimmed returns the string without the blanks around it: what is blank is none.
func (t text) trimmed() string { return strings.TrimSpace(t.value) }

// pointer returns the string, or nil if it was not there.
func (t text) pointer() *string {
	if !t.given {
		return nil
	}
	return &t.value
}

// A texts is a JSON array of strings, null being neither.
type texts struct {
	values []string
	given  bool
}

// read reads an array of strings. What is wrong with an element is told of the
// field.
func (t *texts) read(d *jsontext.Decoder) error {
	begin, err := d.ReadToken()
	if err != nil {
		return err
	}
	if begin.Kind() != '[' {
		return &kindError{"an array of strings"}
	}
	*t = texts{given: true}
	for d.PeekKind() != ']' {
		var one text
		if err := one.read(d); errors.As(err, new(*kindError)) {
			return &kindError{"an array of strings"}
		} else if err != nil {
			return err
		}
		t.values = append(t.values, one.value)
	}
	_, err = d.ReadToken()
	return err
}

// A whole is a JSON number that is written as a whole number: 7, but not 7.0,
// 7e0, "7" or null.
type whole struct {
	value int64
	given bool
}

// read reads a whole number.
func (w *whole) read(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return &kindError{"a whole number"}
	}
	*w = whole{value: n, given: true}
	return nil
}

// pointer returns the number, or nil if it was not there.
func (w whole) pointer() *int64 {
	if !w.given {
		return nil
	}
	return &w.value
}

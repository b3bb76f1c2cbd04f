package environ

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Parse fills a T, a struct with env tags, from "NAME=value" strings such as
// os.Environ gives; the last of a name counts. The error is of one line and names
// every variable that is missing or bad, and never a value.
//
// A tag is the variable's name, and behind commas "required", which refuses a
// variable that is not set, and "notEmpty". One that is empty or not set is what
// the tag envDefault says, or else the zero value. A field is a string or an
// encoding.TextUnmarshaler; one without a tag is left alone, but the fields of a
// struct are filled. Anything else is a mistake in T, and Parse panics.
func Parse[T any](environment []string) (T, error) {
	var parsed T
	f := filler{environment: environment}
	f.fill(reflect.ValueOf(&parsed).Elem())
	if len(f.faults) > 0 {
		return parsed, errors.New("configuration: " + strings.Join(f.faults, "; "))
	}
	return parsed, nil
}

// A filler fills structs and gathers what is wrong.
type filler struct {
	environment []string
	faults      []string
}

func (f *filler) fill(config reflect.Value) {
	for field, value := range config.Fields() {
		tag, tagged := field.Tag.Lookup("env")
		switch {
		case tagged:
			if fault := f.set(value, field.Tag, strings.Split(tag, ",")); fault != "" {
				f.faults = append(f.faults, fault)
			}
		case value.Kind() == reflect.Struct:
			f.fill(value)
		}
	}
}

// set sets one field, and returns what is wrong with its variable.
func (f *filler) set(field reflect.Value, tag reflect.StructTag, words []string) string {
	name, rules := words[0], words[1:]
	checkTag(field, name, rules)
	text, found := f.lookup(name)
	switch {
	case !found && slices.Contains(rules, "required"):
		return name + " is missing"
	case text == "" && slices.Contains(rules, "notEmpty"):
		return name + " is empty"
	case text == "":
		text = tag.Get("envDefault")
	}
	if text == "" {
		return ""
	}
	if err := setText(field, text); err != nil {
		return name + " " + want(err)
	}
	return ""
}

// checkTag panics where the tag or the field's type is a mistake, whether the variable
// is set or not, so that no deployment is the first to find it.
func checkTag(field reflect.Value, name string, rules []string) {
	for _, rule := range rules {
		if rule != "required" && rule != "notEmpty" {
			panic(fmt.Sprintf("environ: the tag of %s says %q", name, rule))
		}
	}
	if _, own := field.Addr().Interface().(encoding.TextUnmarshaler); !own && field.Kind() != reflect.String {
		panic(fmt.Sprintf("environ: %s cannot be read into a field of type %v", name, field.Type()))
	}
}

// lookup returns the value of a variable, and whether it is set.
func (f *filler) lookup(name string) (value string, found bool) {
	for _, pair := range slices.Backward(f.environment) {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value, true
		}
	}
	return "", false
}

func setText(field reflect.Value, text string) error {
	if own, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return own.UnmarshalText([]byte(text))
	}
	field.SetString(text)
	return nil
}

// want says what the value should have been. Only this package's own errors
// are passed on: others quote the value.
func want(err error) string {
	var own malformedError
	if errors.As(err, &own) {
		return string(own)
	}
	return "is malformed"
}

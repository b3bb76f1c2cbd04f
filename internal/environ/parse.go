package environ

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Parse fills a T, a struct with env tags, from "NAME=value" strings such as
// os.Environ gives. The error is of one line and names every variable that is
// missing or bad, and never a value. Two fields of T that have the same name
// and type must also have the same variable.
func Parse[T any](environment []string) (T, error) {
	var parsed T
	err := env.ParseWithOptions(&parsed, env.Options{Environment: env.ToMap(environment)})
	if err == nil {
		return parsed, nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return parsed, fmt.Errorf("configuration: %w", err)
	}
	faults := make([]string, 0, len(all.Errors))
	for _, one := range all.Errors {
		faults = append(faults, fault(reflect.TypeFor[T](), one))
	}
	return parsed, errors.New("configuration: " + strings.Join(faults, "; "))
}

// fault says what is wrong with one variable.
func fault(config reflect.Type, err error) string {
	var missing env.VarIsNotSetError
	var empty env.EmptyVarError
	var malformed env.ParseError
	switch {
	case errors.As(err, &missing):
		return missing.Key + " is missing"
	case errors.As(err, &empty):
		return empty.Key + " is empty"
	case errors.As(err, &malformed):
		return variable(config, malformed) + " " + want(malformed.Err)
	}
	return err.Error()
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

// variable returns the name of the variable that belongs to the field of which
// the parser knows only the field's name and type.
func variable(config reflect.Type, e env.ParseError) string {
	for field := range config.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		if field.Name == e.Name && field.Type == e.Type {
			return name
		}
		if field.Type.Kind() != reflect.Struct {
			continue
		}
		if name := variable(field.Type, e); name != "" {
			return name
		}
	}
	return ""
}

// Package calls tells what a compiled function can ask of AWS, by reading the
// program and without running it.
//
// The one decision a reader must know: the linker leaves out what nothing can
// reach, so a call that is in the program is one that some branch makes. Tests hold
// that list against what a function's role allows, and against the calls whose
// faults are tried.
package calls

import (
	"debug/elf"
	"debug/gosym"
	"debug/macho"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// clientMethod is an operation of a client of the AWS SDK.
var clientMethod = regexp.MustCompile(`^github\.com/aws/aws-sdk-go-v2/service/([a-z]+)\.\(\*Client\)\.([A-Z][A-Za-z]+)$`)

// iamNames are the services that IAM has another name for than the SDK.
var iamNames = map[string]string{"cognitoidentityprovider": "cognito-idp", "eventbridge": "events"}

// In returns what the program of a path can ask of AWS, as IAM's actions, such as
// "dynamodb:GetItem", in order. A table of all functions that the linker kept is in
// every Go program, also in one without symbols: panics are printed by it.
func In(path string) ([]string, error) {
	lines, text, err := lineTable(path)
	if err != nil {
		return nil, err
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(lines, text))
	if err != nil {
		return nil, err
	}
	var calls []string
	for _, f := range table.Funcs {
		m := clientMethod.FindStringSubmatch(f.Name)
		if m == nil {
			continue
		}
		service := m[1]
		if name, ok := iamNames[service]; ok {
			service = name
		}
		calls = append(calls, service+":"+m[2])
	}
	slices.Sort(calls)
	return calls, nil
}

// lineTable returns the table of a program's functions, and where its code begins.
func lineTable(path string) (lines []byte, text uint64, err error) {
	if f, err := elf.Open(path); err == nil {
		defer f.Close()
		if s, code := f.Section(".gopclntab"), f.Section(".text"); s != nil && code != nil {
			lines, err := s.Data()
			return lines, code.Addr, err
		}
	}
	if f, err := macho.Open(path); err == nil {
		defer f.Close()
		if s, code := f.Section("__gopclntab"), f.Section("__text"); s != nil && code != nil {
			lines, err := s.Data()
			return lines, code.Addr, err
		}
	}
	return nil, 0, errors.New("no Go program of Linux or macOS")
}

// neverMade are calls that the linker keeps and nothing makes, each with its
// reason, and the functions of which that is so; of all, where none is named.
var neverMade = []struct{ call, because, functions string }{
	{"dynamodb:DescribeEndpoints", "the SDK could look for endpoints, which nobody switches on", ""},
	{"dynamodb:UpdateItem", "an unlock comes with its entry, in a transaction; the store's plain update is for attempts", "manage-user provision-client unlock-user"},
}

// NeverMade tells whether a function makes a call by no means, though its program
// has it.
func NeverMade(function, call string) bool {
	for _, n := range neverMade {
		if n.call == call && (n.functions == "" || slices.Contains(strings.Fields(n.functions), function)) {
			return true
		}
	}
	return false
}

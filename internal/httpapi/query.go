package httpapi

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// How many rows a list answers with.
const (
	defaultLimit = 50
	maxLimit     = 100
)

// queryOf returns the query parameters, each of which must be known, given once
// and text. Events are JSON, where bytes that are none become U+FFFD; both are
// refused, since what they were meant to be nobody can tell. API Gateway fills
// both maps; the second holds repeated parameters.
func queryOf(event events.APIGatewayProxyRequest, known []string) (map[string]string, error) {
	all := map[string][]string{}
	for name, value := range event.QueryStringParameters {
		all[name] = []string{value}
	}
	maps.Copy(all, event.MultiValueQueryStringParameters)

	query := map[string]string{}
	var faults []fault
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch {
		case !slices.Contains(known, name):
			faults = append(faults, fault{fieldName(name), "is not a parameter of this request"})
		case len(all[name]) != 1:
			faults = append(faults, fault{name, "must be given once"})
		case strings.ContainsRune(all[name][0], utf8.RuneError):
			faults = append(faults, fault{name, "must be text in UTF-8"})
		default:
			query[name] = all[name][0]
		}
	}
	return query, invalid(faults)
}

// limitOf returns how many rows the caller wants.
func limitOf(query map[string]string) (int, []fault) {
	given, ok := query["limit"]
	if !ok {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 || n > maxLimit || given != strconv.Itoa(n) {
		return 0, []fault{{"limit", fmt.Sprintf("must be a whole number from 1 to %d", maxLimit)}}
	}
	return n, nil
}

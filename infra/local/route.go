package main

import (
	"net/url"
	"slices"
	"strings"

	"portcullis/internal/access"
)

// find returns the route of a method on a path, and the path's parameters,
// each decoded once. It matches whole segments as they were sent, so an escaped
// slash is part of a parameter, and no segment is empty. A folder, which is what
// a greedy parameter makes of the path before it, is found with a slash too.
func find(routes []access.Route, method, escapedPath string) (access.Route, map[string]string, bool) {
	if folder, ok := strings.CutSuffix(escapedPath, "/"); ok && isFolder(routes, folder) {
		escapedPath = folder
	}
	sent := strings.Split(escapedPath, "/")
	for _, route := range routes {
		if route.Method != method {
			continue
		}
		if parameters, ok := match(strings.Split(route.Path, "/"), sent); ok {
			return route, parameters, true
		}
	}
	return access.Route{}, nil, false
}

func isFolder(routes []access.Route, path string) bool {
	return slices.ContainsFunc(routes, func(r access.Route) bool { return r.Path == path+"/"+greedy })
}

// greedy is the parameter that takes all the segments that are left.
const greedy = "{proxy+}"

func match(wanted, sent []string) (map[string]string, bool) {
	if n := len(wanted) - 1; wanted[n] == greedy && len(sent) > n {
		sent = append(slices.Clone(sent[:n]), strings.Join(sent[n:], "/"))
	}
	if len(wanted) != len(sent) {
		return nil, false
	}
	parameters := make(map[string]string)
	for i, segment := range wanted {
		name, isParameter := parameterName(segment)
		if !isParameter {
			if sent[i] != segment {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(sent[i])
		if err != nil || value == "" {
			return nil, false
		}
		parameters[name] = value
	}
	return parameters, true
}

// parameterName returns "client" for "{client}".
func parameterName(segment string) (string, bool) {
	inner, opened := strings.CutPrefix(segment, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	return strings.TrimSuffix(inner, "+"), opened && closed
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
)

// invokeAction is the IAM action of calling a method.
const invokeAction = "execute-api:Invoke"

// enforce does what API Gateway does with an authorizer's answer: the policy
// must allow the method, by name, and nothing in it may deny it.
func enforce(answer events.APIGatewayCustomAuthorizerResponse, arn string) error {
	allowed := false
	for _, s := range answer.PolicyDocument.Statement {
		if !matchesAny(s.Action, invokeAction) || !matchesAny(s.Resource, arn) {
			continue
		}
		if s.Effect != "Allow" {
			return access.ErrForbidden
		}
		allowed = true
	}
	if !allowed {
		return access.ErrForbidden
	}
	return nil
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

// matches reports whether a name matches an IAM pattern, in which * stands for
// any text.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	first, middle, last := parts[0], parts[1:len(parts)-1], parts[len(parts)-1]
	name, found := strings.CutPrefix(name, first)
	for _, part := range middle {
		if found {
			_, name, found = strings.Cut(name, part)
		}
	}
	return found && strings.HasSuffix(name, last)
}

// authorizerContext is what a handler is told about the caller: the answer's
// context, all of it as text.
func authorizerContext(answer events.APIGatewayCustomAuthorizerResponse) map[string]any {
	told := map[string]any{"principalId": answer.PrincipalID}
	for name, value := range answer.Context {
		told[name] = fmt.Sprint(value)
	}
	return told
}

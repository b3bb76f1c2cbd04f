// Package infra holds the HTTP contract of the API as the file openapi.yaml, for
// whoever serves it or checks by it. Everything else in this folder is deployed
// or run, not imported.
//
// The one decision a reader must know: the contract is written by hand and the
// code follows it. Tests hold the two together (package contract); neither is
// generated from the other.
package infra

import _ "embed"

//go:embed openapi.yaml
var document string

// Contract returns the OpenAPI document of the API, which is YAML in UTF-8. The
// caller may keep and change it.
func Contract() []byte { return []byte(document) }

package httpapi

import (
	"context"
	"net/http"
)

// OpenAPI answers GET /openapi.yaml with the contract, which is YAML (RFC 9512).
func OpenAPI(e Edge, contract []byte) Handler {
	answer := reply{
		status: http.StatusOK, headers: map[string]string{"Content-Type": "application/yaml"}, body: contract,
	}
	return serve(e, endpoint{route: "GET /openapi.yaml"}, func(context.Context, *request[empty]) (any, error) {
		return answer, nil
	})
}

// Command console answers GET /console/…: the admin console, from files that
// are embedded in the binary. It also answers the OPTIONS of every path of the
// API, with which a browser asks before it sends a request from a page of another
// origin. Both are for anybody, and it touches no store.
package main

import (
	"maps"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"portcullis/internal/console"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
)

type config struct {
	Origins environ.Origins `env:"PORTCULLIS_ALLOWED_ORIGINS"`
}

func main() {
	c := environ.Load[config]()
	edge := httpapi.Edge{Log: environ.Logger(os.Stdout), Now: time.Now, Origins: c.Origins}
	handlers := httpapi.Preflights(edge)
	maps.Copy(handlers, map[string]httpapi.Handler{
		"GET /console":          httpapi.ConsoleRoot(edge),
		"GET /console/{proxy+}": httpapi.Console(edge, console.Finder()),
	})
	lambda.Start(httpapi.Mux(edge, handlers))
}

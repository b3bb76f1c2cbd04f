// Command console answers GET /console/…: the admin console, from files that
// are embedded in the binary. It touches no store.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"portcullis/internal/console"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
)

func main() {
	site, err := console.New()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	edge := httpapi.Edge{Log: environ.Logger(os.Stdout), Now: time.Now}
	lambda.Start(httpapi.Mux(edge, map[string]httpapi.Handler{
		"GET /console":          httpapi.ConsoleRoot(edge),
		"GET /console/{proxy+}": httpapi.Console(edge, site.Find),
	}))
}

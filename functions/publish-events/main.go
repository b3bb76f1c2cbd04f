// Command publish-events tells an event bus of EventBridge about the locks, the
// unlocks and the policy changes in the audit trail. It is not on the API: the
// stream of the table audit invokes it with what was appended, and what it
// reports as failed it is given again.
//
// It reads nothing but the stream's records, and puts events on the one bus.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"portcullis/internal/announce"
	"portcullis/internal/environ"
)

type config struct {
	environ.AWS
	Bus environ.EventBus `env:"PORTCULLIS_EVENT_BUS,required,notEmpty"`
}

func main() {
	c := environ.Load[config]()
	bus := announce.New(eventbridge.NewFromConfig(c.AWS.Config()), string(c.Bus), environ.Logger(os.Stdout))
	lambda.Start(bus.Handle)
}

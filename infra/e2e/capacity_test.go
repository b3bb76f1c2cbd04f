package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/cost/bill"
	"portcullis/internal/attempts"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// What infra/cost bills for a login must be what a login costs: the calls that
// the gate makes, and the capacity units that come back with them, through the
// lock and beyond it. A refused write returns no units, so of that the call alone
// is compared.
func TestALoginCostsWhatTheBillSays(t *testing.T) {
	tests := []struct {
		name      string
		maximum   int
		userAgent int
		unknown   bool
	}{
		{"a known user with the default maximum", lockout.DefaultMaximum, 120, false},
		{"a user agent as long as is kept", lockout.DefaultMaximum, 256, false},
		{"no user agent", lockout.DefaultMaximum, 0, false},
		{"the largest maximum", lockout.MaxMaximum, 256, false},
		{"a maximum of one", lockout.MinMaximum, 256, false},
		{"an unknown user", lockout.MaxMaximum, 200, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wire := new(lockouttest.Wire)
			settings := lockouttest.AWS(t)
			settings.HTTPClient = wire
			settings.APIOptions = append(settings.APIOptions, askForUnits)
			b := biller{
				gate: gateOn(t, dynamodb.NewFromConfig(settings), lockouttest.Tables(t), "acme", test.maximum, "ana.silva"),
				wire: wire, username: "ana.silva", userAgent: strings.Repeat("a", test.userAgent),
			}
			if test.unknown {
				b.username = "nobody"
			}
			for _, v := range visits(test.maximum, test.unknown) {
				if diff := cmp.Diff(b.shape().Store(v), b.calls(t, v)); diff != "" {
					t.Errorf("%+v (-billed +made):\n%s", v, diff)
				}
			}
		})
	}
}

// visits are attempts through a right password, the lock and beyond.
func visits(maximum int, unknown bool) []bill.Visit {
	var all []bill.Visit
	if !unknown {
		all = append(all, bill.Visit{Maximum: maximum, Right: true})
	}
	if maximum > 1 && !unknown {
		all = append(all, bill.Visit{Maximum: maximum}, bill.Visit{Maximum: maximum, Failed: 1, Right: true})
	}
	for failed := range maximum {
		all = append(all, bill.Visit{Maximum: maximum, Failed: failed, Unknown: unknown})
	}
	locked := bill.Visit{Maximum: maximum, Failed: maximum, Locked: true, Unknown: unknown}
	lately := locked
	lately.Lately = true
	return append(all, lately, locked, lately)
}

// A biller sends attempts of one user and reads what they cost.
type biller struct {
	gate      *lockout.Gate[users.Credential]
	wire      *lockouttest.Wire
	username  string
	userAgent string
}

const (
	billedAddress = "203.0.113.255"
	billedRequest = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
)

func (b biller) shape() bill.Shape {
	return bill.Shape{
		Key: len("acme/" + b.username), Client: len("acme"), SourceIP: len(billedAddress),
		UserAgent: len(b.userAgent), RequestID: len(billedRequest),
	}
}

// calls makes the attempt and returns its calls as DynamoDB billed them.
func (b biller) calls(t *testing.T, v bill.Visit) []bill.Call {
	t.Helper()
	key, err := users.LoginKey("acme", b.username)
	if err != nil {
		t.Fatal(err)
	}
	password := wrong(0)
	if v.Right {
		password = rightPassword
	}
	if v.Locked && !v.Lately {
		b.gate.Glance = attempts.NewMemory(b.gate.Attempts.(*attempts.Store), time.Now) // another process's
	}
	b.wire.Take()
	attempt := lockout.Attempt{
		Key: key, Password: password, SourceIP: billedAddress, UserAgent: b.userAgent, RequestID: billedRequest,
	}
	if _, err := b.gate.Attempt(t.Context(), attempt); err != nil {
		t.Fatal(err)
	}
	var calls []bill.Call
	for _, exchange := range b.wire.Take() {
		calls = append(calls, billed(t, exchange))
	}
	if len(calls) > 1 && calls[0].Operation > calls[1].Operation { // they ran side by side
		calls[0], calls[1] = calls[1], calls[0]
	}
	if last := len(calls) - 1; v.Locked && calls[last].Refused {
		calls[last].Write = b.shape().RefusedWrite(v.Maximum)
	}
	return calls
}

// billed reads the units out of an answer.
func billed(t *testing.T, exchange lockouttest.Exchange) bill.Call {
	t.Helper()
	call := bill.Call{Operation: exchange.Operation, Refused: strings.Contains(exchange.Received, "ConditionalCheckFailedException")}
	for _, units := range consumed(t, exchange.Received) {
		if exchange.Operation == "GetItem" {
			call.Read += units
			continue
		}
		call.Write += units
	}
	return call
}

// consumed returns the units of each table that an answer tells of.
func consumed(t *testing.T, answer string) []float64 {
	t.Helper()
	type capacity struct{ CapacityUnits float64 }
	var one struct{ ConsumedCapacity capacity }
	if json.Unmarshal([]byte(answer), &one) == nil {
		return []float64{one.ConsumedCapacity.CapacityUnits}
	}
	var several struct{ ConsumedCapacity []capacity }
	if err := json.Unmarshal([]byte(answer), &several); err != nil {
		t.Fatalf("the units of %s: %v", answer, err)
	}
	var units []float64
	for _, c := range several.ConsumedCapacity {
		units = append(units, c.CapacityUnits)
	}
	return units
}

// askForUnits makes each call ask for what it consumes, which the functions do
// not.
func askForUnits(stack *middleware.Stack) error {
	ask := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		switch call := in.Parameters.(type) {
		case *dynamodb.GetItemInput:
			call.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
		case *dynamodb.UpdateItemInput:
			call.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
		case *dynamodb.TransactWriteItemsInput:
			call.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
		default:
			return middleware.InitializeOutput{}, middleware.Metadata{}, fmt.Errorf("a login makes a %T", call)
		}
		return next.HandleInitialize(ctx, in)
	}
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("AskForUnits", ask), middleware.Before)
}

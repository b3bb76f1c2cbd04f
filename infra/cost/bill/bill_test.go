package bill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/infra/cost/bill"
	"portcullis/internal/access"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/metrics"
	"portcullis/internal/users"
)

func TestEveryPriceSaysWhereItIsFrom(t *testing.T) {
	for unit, p := range bill.Prices() {
		if p.Unit != unit || p.Dollars <= 0 || p.Per <= 0 || p.Page == "" || p.Source == "" || p.Seen == "" {
			t.Errorf("%s: got %+v, want a price with its page, its source and its age", unit, p)
		}
	}
}

func TestPricesAreLaidOverByAFile(t *testing.T) {
	tariff := bill.Prices()
	before := tariff[bill.ReadUnits]
	err := tariff.Read([]byte(`[{"unit": "DynamoDB write units", "dollars": 2, "per": 4}]`))
	if err != nil {
		t.Fatal(err)
	}
	if got := tariff.Dollars(bill.Amount{bill.WriteUnits: 10}); got != 5 {
		t.Errorf("got %v dollars, want 5", got)
	}
	if tariff[bill.ReadUnits] != before {
		t.Error("another price changed")
	}
}

func TestBadPricesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":            `prices`,
		"no such unit":        `[{"unit": "goats", "dollars": 1, "per": 1}]`,
		"a price below zero":  `[{"unit": "WAF requests", "dollars": -1, "per": 1}]`,
		"a price for nothing": `[{"unit": "WAF requests", "dollars": 1}]`,
	} {
		if err := bill.Prices().Read([]byte(text)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestARequestThatGoesFurtherCostsMore(t *testing.T) {
	in, tariff := bill.Assumed(), bill.Prices()
	further := []bill.Kind{bill.Throttled, bill.Reserved, bill.Lately, bill.Locked, bill.Wrong, bill.Right}
	last := 0.0
	for _, k := range further {
		cost := tariff.Dollars(in.Request(k).Amount)
		if cost <= last {
			t.Errorf("%s costs %v, and what is refused before it %v", k, cost, last)
		}
		last = cost
	}
}

func TestAMonthIsTheSumOfItsLogins(t *testing.T) {
	in, tariff := bill.Assumed(), bill.Prices()
	one := func(k bill.Kind) float64 { return tariff.Dollars(in.Request(k).Amount) }
	month := bill.Month{Logins: 1000, FailRate: 0.1, LockRate: 0.5, Users: bill.FreeActiveUsers + 10}
	want := 900*one(bill.Right) + 50*one(bill.Wrong) + 50*one(bill.Locking) + tariff.Dollars(bill.Amount{bill.ActiveUsers: 10})
	if got := tariff.Dollars(in.Month(month)); math.Abs(got-want) > 1e-9 {
		t.Errorf("got %v dollars, want %v", got, want)
	}
}

func TestALongerHashCostsTimeAlone(t *testing.T) {
	quick, slow := bill.Assumed(), bill.Assumed()
	slow.Hash += time.Second
	a, b := quick.Request(bill.Wrong).Amount, slow.Request(bill.Wrong).Amount
	gb := float64(quick.LoginMemory) / 1024
	if got := b[bill.GBSeconds] - a[bill.GBSeconds]; math.Abs(got-gb) > 1e-9 {
		t.Errorf("a second more costs %v GB-s, want %v", got, gb)
	}
	delete(a, bill.GBSeconds)
	delete(b, bill.GBSeconds)
	if bill.Prices().Dollars(a) != bill.Prices().Dollars(b) {
		t.Error("it costs something else too")
	}
}

func TestAnAttackIsBoundedByWhatIsDeployed(t *testing.T) {
	in := bill.Assumed()
	rate := func(k bill.Kind, flood float64) float64 {
		for _, a := range in.Attacks(bill.Prices(), flood) {
			if a.Kind == k {
				return a.Rate
			}
		}
		t.Fatalf("no attack by %s", k)
		return 0
	}
	if got := rate(bill.Wrong, 1e6); got != float64(in.LoginRate) {
		t.Errorf("got %v compared guesses a second, want the LoginRate %d", got, in.LoginRate)
	}
	if got := rate(bill.Wrong, 7); got != 7 {
		t.Errorf("got %v of 7 that are sent", got)
	}
	in.LoginConcurrency = 1
	if got := rate(bill.Wrong, 1e6); got < 15 || got > 25 { // 43 ms and the share of a cold start
		t.Errorf("got %v compared guesses a second by one process, want about 22", got)
	}
	if got := rate(bill.Firewall, 1e6); got != 1e6 {
		t.Errorf("got %v refused by the firewall, want all that are sent", got)
	}
}

// What the gate does when the whole budget stays in flight is what a busy
// request is billed for.
func TestABusyRequestIsBilledAsTheGateWaits(t *testing.T) {
	store, clock := lockouttest.NewAttempts(), lockouttest.NewClock(time.Unix(1e9, 0))
	key, err := users.LoginKey("acme", "ana.silva")
	if err != nil {
		t.Fatal(err)
	}
	store.Set(key, lockout.Record{Charged: 1, InFlight: []string{"other"}, ChargedAt: clock.Now()})
	gate := &lockout.Gate[lockouttest.Credential]{
		Attempts: store, Credentials: lockouttest.NewCredentials(nil), Maximums: lockouttest.FixedMaximum(1),
		Clock: clock, NewID: lockouttest.IDs(), Jitter: func() float64 { return 0.5 }, Lifetime: 10 * time.Second,
	}
	verdict, err := gate.Attempt(t.Context(), lockout.Attempt{Key: key, Password: "any"})
	if err != nil || verdict.Ruling != lockout.Busy {
		t.Fatalf("got %v and %v, want busy", verdict.Ruling, err)
	}
	in := bill.Assumed()
	in.Store, in.Own, in.Cold = 0, 0, 0
	a := in.Request(bill.Busy).Amount
	if got := float64(len(store.Transitions())); a[bill.WriteUnits] != got {
		t.Errorf("billed %v writes, and the gate makes %v", a[bill.WriteUnits], got)
	}
	if got := clock.Slept().Seconds() * float64(in.LoginMemory) / 1024; math.Abs(a[bill.GBSeconds]-got) > 1e-9 {
		t.Errorf("billed %v GB-s of waiting, and the gate waits %v", a[bill.GBSeconds], got)
	}
}

// What login writes into its log for a typical request is what is billed, give or
// take a fifth.
func TestTheLogOfALoginIsAsLongAsBilled(t *testing.T) {
	var out bytes.Buffer
	recorder := metrics.NewRecorder(&out, "prod", "login", time.Now)
	gate := metrics.WatchGate(recorder, &lockout.Gate[metrics.Watched]{
		Attempts:    metrics.WatchAttempts(recorder, lockouttest.NewAttempts()),
		Credentials: metrics.WatchCredentials(recorder, lockouttest.NewCredentials(nil)),
		Maximums:    lockouttest.FixedMaximum(5), Clock: environ.Clock{}, NewID: environ.NewID, Jitter: environ.Jitter,
		Lifetime: 10 * time.Second,
	})
	edge := httpapi.Edge{Log: environ.Logger(&out), Now: time.Now, Key: users.UserKey}
	login := metrics.Flushed(recorder, httpapi.Login(edge, gate, users.LoginKey, noMint{}))
	if _, err := login(context.Background(), loginEvent(t)); err != nil {
		t.Fatal(err)
	}
	const perLine = 26
	got := out.Len() + perLine*strings.Count(out.String(), "\n")
	if low, high := 0.8*bill.LoginLogBytes, 1.2*bill.LoginLogBytes; float64(got) < low || float64(got) > high {
		t.Errorf("wrote %d bytes, want %.0f to %.0f:\n%s", got, low, high, out.String())
	}
}

type noMint struct{}

func (noMint) Mint(context.Context, access.User) (access.Session, error) {
	return access.Session{}, lockout.ErrUnavailable
}

// loginEvent is the recorded event of a login, as sam local invoke takes it.
func loginEvent(t *testing.T) events.APIGatewayProxyRequest {
	t.Helper()
	text, err := os.ReadFile("../../events/login.json")
	if err != nil {
		t.Fatal(err)
	}
	var event events.APIGatewayProxyRequest
	if err := json.Unmarshal(text, &event); err != nil {
		t.Fatal(err)
	}
	return event
}

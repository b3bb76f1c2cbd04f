package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"portcullis/infra/calls"
	"portcullis/infra/faults"
	"portcullis/internal/lockouttest"
)

// Faults of the calls of the two functions that are not on the API, which can be
// invoked here. Those of the others are tried in infra/e2e.

// faultTime is how long a function may take here.
const faultTime = 8 * time.Second

// errBusy says that a fault that lasts for one try was not mended by the next,
// which may be the machine's fault: it is tried again, patientRuns times in all.
var errBusy = errors.New("another try would have mended it")

const patientRuns = 5

// newFaulty returns a function, each event in a process of its own, and the proxy
// between it and the services.
func newFaulty(t *testing.T, function string) (*pool, *faults.Proxy) {
	t.Helper()
	proxy, err := faults.Start(*lockouttest.AWS(t).BaseEndpoint, func(name string) string {
		for _, variable := range []string{"ATTEMPTS_TABLE", "USERS_TABLE", "AUDIT_TABLE", "TOKEN_SECRET_PARAMETER"} {
			if os.Getenv("PORTCULLIS_"+variable) == name {
				return strings.ToLower(variable)
			}
		}
		return name
	})
	if err != nil {
		t.Fatal(err)
	}
	bootstrap, err := filepath.Abs("../../.build/functions/" + function + "/bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	f := newPool(function, bootstrap, 1, faultTime, io.Discard)
	f.cold, f.environment = true, []string{"AWS_ENDPOINT_URL=" + proxy.URL()}
	t.Cleanup(func() { f.stop(); _ = proxy.Close() })
	return f, proxy
}

// TestAnEventIsPublishedOrReported whatever becomes of the call to the bus: what is
// not reported as failed, Lambda never hands out again.
func TestAnEventIsPublishedOrReported(t *testing.T) {
	config, tables := lockouttest.AWS(t), lockouttest.Tables(t)
	bus := newListener(t, config)
	t.Setenv("PORTCULLIS_EVENT_BUS", bus.name)
	want := writeTrail(t, dynamodb.NewFromConfig(config), tables.Audit)
	records := streamOf(t, config, tables.Audit)
	f, proxy := newFaulty(t, "publish-events")
	made := map[string]bool{}
	for _, kind := range faults.Kinds() {
		for _, lasts := range []bool{false, true} {
			rule := faults.Always(kind, "events:PutEvents")
			if !lasts {
				rule = faults.Once(rule)
			}
			proxy.Take()
			proxy.Inject(rule)
			failed := publish(t, f, records)
			if reported := len(failed) > 0; reported != (lasts && kind.Fails()) {
				t.Errorf("%s, lasting %v: the function reports %q", kind, lasts, failed)
			}
			for _, c := range proxy.Take() {
				made[c.Name()] = true
			}
			proxy.Inject(nil)
			if failed := publish(t, f, records); failed != nil {
				t.Errorf("after %s: the function reports %q", kind, failed)
			}
		}
	}
	bus.heard(t, len(want)) // at least; some were told more than once
	checkCalls(t, "publish-events", made, nil)
}

// checkCalls fails for every call that the program of a function can make and that
// met no fault, except those that are said to be never made.
func checkCalls(t *testing.T, function string, tried map[string]bool, never []string) {
	t.Helper()
	can, err := calls.In("../../.build/functions/" + function + "/bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range can {
		if !tried[call] && !calls.NeverMade(function, call) && !slices.Contains(never, call) {
			t.Errorf("function %s can make the call %s, and nothing tries its faults", function, call)
		}
	}
	t.Logf("%s: faults were tried on %d of the %d operations that it can ask for", function, len(tried), len(can))
}

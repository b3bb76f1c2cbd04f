package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a login asks of AWS in a process that has served one before is its round
// trips and no more: the charge beside the read of the user, the settlement, and
// the tokens of who was right. No parameter, no secret and no key is read again.
func TestAWarmLoginMakesItsRoundTripsAndNoMore(t *testing.T) {
	proxy, proxied := startProxy(t)
	w := startIn(t, proxied,
		"-functions", *functions, "-processes", "1", "-max-attempts", "1")
	ana := w.with(t, "Manager")
	w.login(t, ana, ana.Password) // the cold one

	const read, charge, settle = "dynamodb:GetItem UsersTable", "dynamodb:UpdateItem AttemptsTable", "dynamodb:UpdateItem AttemptsTable"
	for _, step := range []struct {
		name, password string
		status         int
		want           []string
	}{
		{"a right login", ana.Password, http.StatusOK, []string{read, charge, settle, "cognito-idp:AdminInitiateAuth"}},
		{"the wrong login that locks", "wrong-1", http.StatusLocked, []string{read, charge, "dynamodb:TransactWriteItems AttemptsTable+AuditTable"}},
		{"a login of a user whom the process has locked", ana.Password, http.StatusLocked, []string{"dynamodb:GetItem AttemptsTable"}},
	} {
		proxy.Take()
		if a := w.login(t, ana, step.password); a.status != step.status {
			t.Fatalf("%s: got %s, want %d", step.name, a, step.status)
		}
		var got []string
		for _, call := range proxy.Take() {
			if call.Try == 1 { // the emulator resets a connection now and then
				got = append(got, strings.TrimSpace(call.Place()))
			}
		}
		if len(got) > 1 && got[0] > got[1] { // they run side by side
			slices.Reverse(got[:2])
		}
		if diff := cmp.Diff(got, step.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", step.name, diff)
		}
	}
}

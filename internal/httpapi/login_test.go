package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// on returns the faults of a problem that has one, on the given field.
func on(field string) []string { return []string{field} }

// aRefusal is what a recorded event must be answered with.
type aRefusal struct {
	kind   string
	fields []string // the fields of the errors; "" for the whole body
}

var (
	notJSON     = aRefusal{"invalid-request", on("")}
	tooLarge    = aRefusal{kind: "payload-too-large"}
	unsupported = aRefusal{kind: "unsupported-media-type"}
)

func wrongField(names ...string) aRefusal { return aRefusal{"invalid-request", names} }

// refuses sends every recorded event of a folder, and wants each refused as
// the table says. After each, untouched is called.
func refuses(t *testing.T, folder string, want map[string]aRefusal, untouched func(t *testing.T, w *world)) {
	t.Helper()
	names := recordings(t, folder)
	for name := range want {
		if !slices.Contains(names, name) {
			t.Errorf("no recorded event %q", name)
		}
	}
	for _, name := range names {
		t.Run(strings.ReplaceAll(name, "-", " "), func(t *testing.T) {
			w := newWorld(t)
			a := w.send(t, recorded(t, folder+"/"+name))
			if diff := cmp.Diff(refusalOf(a), want[name], cmp.AllowUnexported(aRefusal{})); diff != "" {
				t.Errorf("refusal (-got +want):\n%s\n%s", diff, a.Body)
			}
			untouched(t, w)
		})
	}
}

func refusalOf(a answer) aRefusal {
	got := aRefusal{kind: a.kind()}
	faults, _ := a.fields["errors"].([]any)
	for _, one := range faults {
		got.fields = append(got.fields, one.(map[string]any)["field"].(string))
	}
	return got
}

func TestABadLoginIsRefusedAndNotCharged(t *testing.T) {
	everything := wrongField("client", "username", "password")
	refuses(t, "login/refused", map[string]aRefusal{
		"not-JSON": notJSON, "trailing-JSON": notJSON, "trailing-text": notJSON, "unfinished-JSON": notJSON,
		"an-array": notJSON, "a-string": notJSON, "null": notJSON, "deep-nesting": notJSON, "blank-body": notJSON,
		"no-body": notJSON, "empty-body": notJSON, "nothing-in-the-object": everything,

		"unknown-field":                     wrongField("remember"),
		"unknown-field-with-a-hostile-name": notJSON,
		"field-in-another-case":             wrongField("Client"),
		"duplicate-field":                   wrongField("username"),
		"duplicate-field-escaped":           wrongField("username"),
		"client-of-the-wrong-type":          wrongField("client"),
		"username-of-the-wrong-type":        wrongField("username"),
		"password-of-the-wrong-type":        wrongField("password"),
		"null-password":                     wrongField("password"),
		"missing-client":                    wrongField("client"),
		"missing-password":                  wrongField("password"),
		"empty-client":                      wrongField("client"),
		"empty-username":                    wrongField("username"),
		"empty-password":                    wrongField("password"),
		"over-long-client":                  wrongField("client"),
		"over-long-username":                wrongField("username"),
		"over-long-username-in-bytes":       wrongField("username"),
		"over-long-password":                wrongField("password"),
		"malformed-client":                  wrongField("client"),
		"client-with-a-slash":               wrongField("client"),
		"client-with-dots":                  wrongField("client"),
		"escaped-NUL-in-the-username":       wrongField("username"),
		"escaped-NUL-in-the-password":       wrongField("password"),
		"query-parameter":                   wrongField("password"),

		"bad-UTF-8": notJSON, "overlong-UTF-8": notJSON, "UTF-16": notJSON, "byte-order-mark": notJSON,
		"lone-surrogate": notJSON, "NUL-byte": notJSON, "NUL-byte-after-the-object": notJSON,
		"bad-base64": notJSON, "base64-that-is-not-JSON": notJSON, "JSON-that-claims-to-be-base64": notJSON,

		"9-KiB-body": tooLarge, "9-KiB-body-in-base64": tooLarge, "9-KiB-of-blanks": tooLarge,
		"body-one-byte-over-in-base64": tooLarge,

		"form": unsupported, "text": unsupported, "no-content-type": unsupported, "empty-content-type": unsupported,
		"another-charset": unsupported, "another-parameter": unsupported, "JSON-problem-as-content-type": unsupported,
		"repeated-content-type": unsupported, "content-type-repeated-in-another-case": unsupported,
		"two-content-types-in-one": unsupported,
	}, func(t *testing.T, w *world) {
		if n := len(w.attempts.Transitions()) + w.credentials.Compares(); n != 0 {
			t.Errorf("the gate was asked: %d store calls and comparisons", n)
		}
	})
}

func TestAGoodLoginIsAcceptedHoweverItIsSpelled(t *testing.T) {
	for _, name := range recordings(t, "login/accepted") {
		t.Run(strings.ReplaceAll(name, "-", " "), func(t *testing.T) {
			a := newWorld(t).send(t, recorded(t, "login/accepted/"+name))
			want := `{"token_type":"Bearer","access_token":"t0ken access","id_token":"t0ken id","refresh_token":"t0ken refresh",` +
				`"expires_in":900,"user":{"client":"acme","username":"ana.silva","role":"Manager"}}`
			if diff := cmp.Diff(a.Body, want); a.StatusCode != 200 || diff != "" {
				t.Errorf("status %d, body (-got +want):\n%s", a.StatusCode, diff)
			}
		})
	}
}

// walk sends the event n times, and returns the statuses and bodies.
func walk(t *testing.T, w *world, event events.APIGatewayProxyRequest, n int) []string {
	t.Helper()
	var told []string
	for range n {
		a := w.send(t, event)
		told = append(told, fmt.Sprint(a.StatusCode, a.Headers, a.Body))
	}
	return told
}

func TestAUserIsLockedByTheFifthWrongLogin(t *testing.T) {
	w := newWorld(t)
	wrong, right := recorded(t, "login/wrong-password"), recorded(t, "login/accepted/plain")
	for remaining := 4; remaining >= 1; remaining-- {
		a := w.send(t, wrong)
		if a.StatusCode != 401 || a.kind() != "invalid-credentials" || a.fields["attempts_remaining"] != float64(remaining) {
			t.Errorf("with %d attempts remaining: %s", remaining, a.Body)
		}
	}
	for _, event := range []events.APIGatewayProxyRequest{wrong, wrong, right} {
		want := map[string]any{
			"type": "urn:portcullis:problem:user-locked", "title": "User is locked", "status": float64(423),
			"detail": "Ask a Sysadmin of acme to unlock this user.", "request_id": event.RequestContext.RequestID,
		}
		if diff := cmp.Diff(w.send(t, event).fields, want); diff != "" {
			t.Errorf("answer (-got +want):\n%s", diff)
		}
	}
	if got := w.credentials.Compares(); got != 5 {
		t.Errorf("%d passwords were compared, want 5", got)
	}
}

func TestUnknownUsersAndClientsGetTheSameAnswers(t *testing.T) {
	known := walk(t, newWorld(t), recorded(t, "login/wrong-password"), 7)
	for _, name := range []string{"unknown-user", "unknown-client", "name-that-nobody-can-have"} {
		t.Run(strings.ReplaceAll(name, "-", " "), func(t *testing.T) {
			w := newWorld(t)
			unknown := walk(t, w, recorded(t, "login/"+name), 7)
			for i := range unknown {
				unknown[i] = strings.ReplaceAll(unknown[i], "nowhere", "acme")
			}
			if diff := cmp.Diff(unknown, known); diff != "" {
				t.Errorf("answers (-unknown +known):\n%s", diff)
			}
		})
	}
}

func TestLoginsAreLoggedUnderTheirOWASPNames(t *testing.T) {
	w := newWorld(t)
	wrong, right := recorded(t, "login/wrong-password"), recorded(t, "login/accepted/plain")
	steps := []struct {
		event         events.APIGatewayProxyRequest
		name, outcome string
	}{
		{right, "authn_login_success", "ok"},
		{wrong, "authn_login_fail", "invalid-credentials"},
		{right, "authn_login_successafterfail", "ok"},
		{wrong, "authn_login_fail", "invalid-credentials"},
		{wrong, "authn_login_fail", "invalid-credentials"},
		{wrong, "authn_login_fail", "invalid-credentials"},
		{wrong, "authn_login_fail", "invalid-credentials"},
		{wrong, "authn_login_lock", "user-locked"},
		{right, "authn_login_fail", "user-locked"},
	}
	for i, step := range steps {
		w.send(t, step.event)
		got := w.log.last(t)
		delete(got, "level")
		want := map[string]any{
			"msg": step.name, "outcome": step.outcome, "route": "POST /login", "client": "acme", "username": "ana.silva",
			"request_id": step.event.RequestContext.RequestID, "source_ip": "203.0.113.9", "duration_ms": float64(0),
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("line %d (-got +want):\n%s", i, diff)
		}
	}
	if got := len(w.log.lines(t)); got != len(steps) {
		t.Errorf("%d lines for %d logins", got, len(steps))
	}
}

func TestTheSourceOfAnAttemptIsWhatTheGatewaySaw(t *testing.T) {
	w := newWorld(t)
	event := recorded(t, "login/wrong-password")
	event.Headers["X-Forwarded-For"] = "198.51.100.66"
	event.RequestContext.Identity.UserAgent = "a\r" + strings.Repeat("é", 200)
	w.send(t, event)
	record, _ := w.attempts.Read(t.Context(), ana)
	got := record.Evidence[0]
	got.AttemptID = ""
	want := lockout.Evidence{At: start, SourceIP: "203.0.113.9", UserAgent: "a?" + strings.Repeat("é", 127)}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("evidence (-got +want):\n%s", diff)
	}
}

func TestAnAttemptWhileTheBudgetIsInFlightIsAskedToComeBack(t *testing.T) {
	w := newWorld(t)
	w.attempts.Set(ana, lockout.Record{InFlight: []string{"a", "b", "c", "d", "e"}, Charged: 5, ChargedAt: start})
	a := w.send(t, recorded(t, "login/accepted/plain"))
	if a.StatusCode != 429 || a.kind() != "too-many-attempts" || a.Headers["Retry-After"] != "1" {
		t.Errorf("got %d %v %s", a.StatusCode, a.Headers, a.Body)
	}
	if got := w.log.last(t); got["msg"] != "authn_login_fail" || got["outcome"] != "too-many-attempts" {
		t.Errorf("logged as %v", got)
	}
}

func TestALoginDuringAnOutageSpeaksNoVerdict(t *testing.T) {
	for _, name := range []string{"login/accepted/plain", "login/wrong-password", "login/unknown-user"} {
		for _, fault := range []lockouttest.Fault{lockouttest.FaultBefore, lockouttest.FaultAfter} {
			for call := int64(1); call <= 2; call++ {
				t.Run(fmt.Sprintf("%s, call %d fails %s", name, call, fault), func(t *testing.T) {
					w := newWorld(t)
					w.gate.Attempts = &lockouttest.Faulty{Attempts: w.attempts, FailAt: call, Fault: fault}
					a := w.send(t, recorded(t, name))
					if a.StatusCode != 503 || a.kind() != "unavailable" || a.Headers["Retry-After"] != "5" || len(a.fields) != 5 {
						t.Errorf("got %d %v %s", a.StatusCode, a.Headers, a.Body)
					}
					if got := w.log.last(t); got["level"] != "ERROR" || !strings.Contains(fmt.Sprint(got["error"]), "unavailable") {
						t.Errorf("logged as %v", got)
					}
				})
			}
		}
	}
}

func TestALoginWhoseTokensCannotBeMintedIsUnavailable(t *testing.T) {
	w := newWorld(t)
	w.mint.err = errors.New("the pool is on fire")
	a := w.send(t, recorded(t, "login/accepted/plain"))
	if a.StatusCode != 503 || a.kind() != "unavailable" || strings.Contains(a.Body, "fire") {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	if got := w.log.last(t); got["msg"] != "request" || !strings.Contains(fmt.Sprint(got["error"]), "on fire") {
		t.Errorf("logged as %v", got)
	}
}

func TestAPanicIsAnInternalErrorAndItsStackIsLogged(t *testing.T) {
	w := newWorld(t)
	w.mint.panic = "index out of range"
	a := w.send(t, recorded(t, "login/accepted/plain"))
	if a.StatusCode != 500 || a.kind() != "internal" || strings.Contains(a.Body, "index") {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	got := w.log.last(t)
	if got["error"] != "panic: index out of range" || !strings.Contains(fmt.Sprint(got["stack"]), "world_test.go") {
		t.Errorf("logged as %v", got)
	}
}

// An upgradable credential is upgraded by a function of the test.
type upgradable struct {
	lockouttest.Credential
	upgrade func(ctx context.Context, password string) error
}

func (u upgradable) Upgrade(ctx context.Context, password string) error {
	return u.upgrade(ctx, password)
}

type upgradables struct {
	*lockouttest.Credentials
	upgrade func(ctx context.Context, password string) error
}

func (u upgradables) Credential(ctx context.Context, k lockout.Key) (upgradable, error) {
	credential, err := u.Credentials.Credential(ctx, k)
	return upgradable{credential, u.upgrade}, err
}

// upgrading logs in with a hash that is upgraded like this.
func (w *world) upgrading(
	t *testing.T, ctx context.Context, upgrade func(context.Context, string) error,
) events.APIGatewayProxyResponse {
	t.Helper()
	gate := &lockout.Gate[upgradable]{
		Attempts: w.attempts, Credentials: upgradables{w.credentials, upgrade}, Maximums: lockouttest.FixedMaximum(5),
		Clock: w.clock, NewID: lockouttest.IDs(), Jitter: func() float64 { return 0 }, Lifetime: 10 * time.Second,
	}
	response, err := httpapi.Login(w.edge, gate, users.LoginKey, w.mint)(ctx, recorded(t, "login/accepted/plain"))
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func TestALoginIsGoodThoughItsHashCannotBeUpgraded(t *testing.T) {
	w := newWorld(t)
	response := w.upgrading(t, t.Context(), func(_ context.Context, password string) error {
		if password != "s3cret right 1" {
			return errors.New("not the password")
		}
		return errOutage
	})
	if response.StatusCode != 200 {
		t.Errorf("got %d %s", response.StatusCode, response.Body)
	}
	want := "upgrading password hash: the store is away: unavailable"
	if got := w.log.last(t); got["msg"] != "authn_login_success" || got["level"] != "ERROR" || got["error"] != want {
		t.Errorf("logged as %v", got)
	}
}

// TestAnUpgradeThatHangsCostsNoLogin runs on a clock of its own, on which only
// the upgrade takes time.
func TestAnUpgradeThatHangsCostsNoLogin(t *testing.T) {
	tests := []struct {
		name     string
		deadline time.Duration // of the request; zero for none
		took     time.Duration
		upgraded bool
	}{
		{"a request without a deadline", 0, time.Second, true},
		{"a request with all its time", 10 * time.Second, time.Second, true},
		{"a request with just enough time", 1500 * time.Millisecond, time.Second, true},
		{"a request with too little time", 1499 * time.Millisecond, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, ctx, began, upgraded := newWorld(t), t.Context(), time.Now(), false
				w.edge.Now = time.Now
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				response := w.upgrading(t, ctx, func(ctx context.Context, _ string) error {
					upgraded = true
					<-ctx.Done()
					return ctx.Err()
				})
				if took := time.Since(began); response.StatusCode != 200 || took != test.took || upgraded != test.upgraded {
					t.Errorf("got %d after %v, upgraded %t: %s", response.StatusCode, took, upgraded, response.Body)
				}
			})
		})
	}
}

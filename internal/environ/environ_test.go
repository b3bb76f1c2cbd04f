package environ_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/environ"
)

type config struct {
	environ.AWS
	Issuer   environ.Issuer
	Stage    environ.Stage     `env:"PORTCULLIS_STAGE,required,notEmpty"`
	Users    environ.Table     `env:"PORTCULLIS_USERS_TABLE,required,notEmpty"`
	Audit    environ.Table     `env:"PORTCULLIS_AUDIT_TABLE,required,notEmpty"`
	Secret   environ.Parameter `env:"PORTCULLIS_TOKEN_SECRET_PARAMETER,required,notEmpty"`
	Lifetime environ.Lifetime  `env:"PORTCULLIS_ATTEMPT_LIFETIME,required,notEmpty"`
	Origins  environ.Origins   `env:"PORTCULLIS_ALLOWED_ORIGINS"`
	Bus      environ.EventBus  `env:"PORTCULLIS_EVENT_BUS"`
	Version  string            `env:"PORTCULLIS_VERSION" envDefault:"dev"`
}

func complete() map[string]string {
	return map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalr/EXAMPLE+KEY",
		"PORTCULLIS_USER_POOL_ID": "eu-west-1_aBcD", "PORTCULLIS_APP_CLIENT_ID": "4rqk",
		"PORTCULLIS_STAGE": "prod", "PORTCULLIS_USERS_TABLE": "p-users", "PORTCULLIS_AUDIT_TABLE": "p-audit",
		"PORTCULLIS_TOKEN_SECRET_PARAMETER": "/portcullis/prod/token-secret", "PORTCULLIS_ATTEMPT_LIFETIME": "10s",
	}
}

func list(variables map[string]string) []string {
	var all []string
	for name, value := range variables {
		all = append(all, name+"="+value)
	}
	return all
}

func TestParseFillsInEverything(t *testing.T) {
	got, err := environ.Parse[config](list(complete()))
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		AWS:    environ.AWS{Region: "eu-west-1", AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "wJalr/EXAMPLE+KEY"},
		Issuer: environ.Issuer{UserPoolID: "eu-west-1_aBcD", AppClientID: "4rqk"},
		Stage:  "prod", Users: "p-users", Audit: "p-audit", Secret: "/portcullis/prod/token-secret",
		Lifetime: environ.Lifetime(10 * time.Second), Version: "dev",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("Parse: got -, want +:\n%s", diff)
	}
}

// TestParseReadsAsAProcessWould: of a name that comes twice the last counts, what is
// empty is as its default, and what has no tag is not of the environment.
func TestParseReadsAsAProcessWould(t *testing.T) {
	type plain struct {
		Untagged string
		Inner    struct {
			Twice environ.Name `env:"TWICE,required,notEmpty"`
		}
		Empty   environ.Stage `env:"EMPTY" envDefault:"dev"`
		Missing string        `env:"MISSING"`
		Equals  string        `env:"EQUALS"`
	}
	got, err := environ.Parse[plain]([]string{"TWICE=first", "Untagged=no", "EMPTY=", "EQUALS=a=b", "TWICE=last", "MISSINGNOT=no"})
	want := plain{Empty: "dev", Equals: "a=b"}
	want.Inner.Twice = "last"
	if diff := cmp.Diff(got, want); err != nil || diff != "" {
		t.Errorf("error %v, got -, want +:\n%s", err, diff)
	}
}

func TestParseNamesEveryMissingVariable(t *testing.T) {
	_, err := environ.Parse[config](nil)
	for name := range complete() {
		if err == nil || !strings.Contains(err.Error(), name+" is missing") {
			t.Errorf("error does not say that %s is missing: %v", name, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, variable, value, want string }{
		{"an empty variable", "PORTCULLIS_STAGE", "", "is empty"},
		{"a stage with a slash", "PORTCULLIS_STAGE", "a/b-secret", "must be 1 to 32"},
		{"a stage with a line after it", "PORTCULLIS_STAGE", "prod\nsecret", "must be 1 to 32"},
		{"a table name that is too short", "PORTCULLIS_AUDIT_TABLE", "zq", "must be a DynamoDB table name"},
		{"a second field of one type by its own name", "PORTCULLIS_USERS_TABLE", "secret table", "must be a DynamoDB table name"},
		{"a parameter without a slash", "PORTCULLIS_TOKEN_SECRET_PARAMETER", "secret", "must be a parameter name"},
		{"a lifetime without a unit", "PORTCULLIS_ATTEMPT_LIFETIME", "1017", "must be a duration"},
		{"a lifetime of nothing", "PORTCULLIS_ATTEMPT_LIFETIME", "0ns", "must be a duration"},
		{"a lifetime above Lambda's", "PORTCULLIS_ATTEMPT_LIFETIME", "901s", "must be a duration"},
		{"a bus by its ARN", "PORTCULLIS_EVENT_BUS", "arn:aws:events:eu-west-1:1:event-bus/secret", "must be the name of an event bus"},
		{"a partner's bus", "PORTCULLIS_EVENT_BUS", "aws.partner/secret", "must be the name of an event bus"},
		{"an endpoint that is no address", "AWS_ENDPOINT_URL", "secret:4566", "must be an http or https address"},
		{"an endpoint with a password", "AWS_ENDPOINT_URL", "http://u:secret@h", "must be an http or https address"},
		{"a nested issuer that is no address", "PORTCULLIS_ISSUER", "://secret", "must be an http or https address"},
		{"origins of everybody", "PORTCULLIS_ALLOWED_ORIGINS", "https://secret,*", "must be origins"},
		{"a region with a space", "AWS_REGION", "eu secret", "must be 1 to 128"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			variables := complete()
			variables[test.variable] = test.value
			_, err := environ.Parse[config](list(variables))
			if err == nil || !strings.Contains(err.Error(), test.variable+" "+test.want) {
				t.Fatalf("got %v, want %s %s", err, test.variable, test.want)
			}
			if test.value != "" && strings.Contains(err.Error(), test.value) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error holds the value or more than a line: %v", err)
			}
		})
	}
}

func TestOriginsAreWhatABrowserSends(t *testing.T) {
	tests := []struct {
		name, value string
		want        environ.Origins
	}{
		{"nothing", "", nil},
		{"one", "https://portal.example.com", environ.Origins{"https://portal.example.com"}},
		{"two", "https://a.example,https://b.example", environ.Origins{"https://a.example", "https://b.example"}},
		{"a blank after the comma", "https://a.example, https://b.example", environ.Origins{"https://a.example", "https://b.example"}},
		{"a port of its own", "https://a.example:8443", environ.Origins{"https://a.example:8443"}},
		{"another alphabet, as browsers spell it", "https://xn--nxasmq6b.example", environ.Origins{"https://xn--nxasmq6b.example"}},
		{"this machine", "http://localhost:5173,http://127.0.0.1", environ.Origins{"http://localhost:5173", "http://127.0.0.1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			variables := complete()
			variables["PORTCULLIS_ALLOWED_ORIGINS"] = test.value
			got, err := environ.Parse[config](list(variables))
			if diff := cmp.Diff(got.Origins, test.want); err != nil || diff != "" {
				t.Errorf("error %v, origins (-got +want):\n%s", err, diff)
			}
		})
	}
}

func TestOriginsRefuse(t *testing.T) {
	for name, value := range map[string]string{
		"everybody":                        "*",
		"everybody of a domain":            "https://*.example.com",
		"a sandboxed page":                 "null",
		"everybody beside one":             "https://a.example,*",
		"no encryption":                    "http://portal.example.com",
		"no encryption beside some":        "https://a.example,http://a.example",
		"a host that begins like ours":     "http://localhost.example.com",
		"a path":                           "https://a.example/portal",
		"a slash at the end":               "https://a.example/",
		"a query":                          "https://a.example?x",
		"a fragment":                       "https://a.example#x",
		"a user":                           "https://u@a.example",
		"the port that goes without":       "https://a.example:443",
		"the port that plain http goes by": "http://localhost:80",
		"a port of nothing":                "https://a.example:",
		"a port with a zero before it":     "https://a.example:08443",
		"a port beyond the last":           "https://a.example:65536",
		"capitals":                         "https://Portal.example.com",
		"letters no browser sends":         "https://pórtal.example.com",
		"another scheme":                   "ftp://a.example",
		"no scheme":                        "portal.example.com",
		"no host":                          "https://",
		"nothing after the comma":          "https://a.example,",
		"nothing between the commas":       "https://a.example,,https://b.example",
		"a blank between them":             "https://a.example https://b.example",
		"a line break":                     "https://a.example\nhttps://b.example",
		"a blank alone":                    " ",
	} {
		t.Run(name, func(t *testing.T) {
			var origins environ.Origins
			err := origins.UnmarshalText([]byte(value))
			if err == nil || !strings.HasPrefix(err.Error(), "must be origins such as") {
				t.Errorf("%q: got %v and %q, want a refusal", value, err, origins)
			}
		})
	}
}

func TestAWSConfigIsWhatTheEnvironmentSays(t *testing.T) {
	a := environ.AWS{Region: "eu-west-1", AccessKeyID: "id", SecretAccessKey: "key", SessionToken: "token", Endpoint: "http://127.0.0.1:1"}
	config := a.Config()
	credentials, err := config.Credentials.Retrieve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := []string{config.Region, *config.BaseEndpoint, credentials.AccessKeyID, credentials.SecretAccessKey, credentials.SessionToken}
	want := []string{"eu-west-1", "http://127.0.0.1:1", "id", "key", "token"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("Config: got -, want +:\n%s", diff)
	}
	if (environ.AWS{}).Config().BaseEndpoint != nil {
		t.Error("an endpoint is set though none is configured")
	}
}

// TestAllTriesFitIntoALogin: the SDK's own waits grow to 14 s in all, so that a
// login of 10 s would end before its last try.
func TestAllTriesFitIntoALogin(t *testing.T) {
	config := environ.AWS{Region: "eu-west-1", AccessKeyID: "k", SecretAccessKey: "s"}.Config()
	retryer := dynamodb.NewFromConfig(config).Options().Retryer
	if got := retryer.MaxAttempts(); got != 4 {
		t.Errorf("got %d tries, want 4", got)
	}
	seen := map[time.Duration]bool{}
	for range 100 {
		var sum time.Duration
		for try := 1; try < retryer.MaxAttempts(); try++ {
			wait, err := retryer.RetryDelay(try, io.ErrUnexpectedEOF)
			if err != nil {
				t.Fatal(err)
			}
			sum += wait
			seen[wait] = true
		}
		if sum > time.Second {
			t.Fatalf("got waits of %v in all, want a second at most", sum)
		}
	}
	if len(seen) < 100 {
		t.Errorf("got %d different waits of 300: those who failed together would try together", len(seen))
	}
}

func TestIssuerDefaultsToTheUserPool(t *testing.T) {
	pool := environ.Issuer{UserPoolID: "eu-west-1_aBcD"}
	local := environ.Issuer{UserPoolID: "x", URL: "http://127.0.0.1/x"}
	keys := environ.Issuer{URL: "http://127.0.0.1/x", JWKSURL: "http://127.0.0.1/keys"}
	got := []string{pool.Address("eu-west-1"), pool.Keys("eu-west-1"), local.Address("r"), local.Keys("r"), keys.Keys("r")}
	want := []string{
		"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aBcD",
		"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aBcD/.well-known/jwks.json",
		"http://127.0.0.1/x", "http://127.0.0.1/x/.well-known/jwks.json", "http://127.0.0.1/keys",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("addresses: got -, want +:\n%s", diff)
	}
}

func TestSleepEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		if err := (environ.Clock{}).Sleep(ctx, 400*time.Millisecond); err != nil {
			t.Errorf("a sleep that fits: %v", err)
		}
		if err := (environ.Clock{}).Sleep(ctx, time.Hour); err != context.DeadlineExceeded {
			t.Errorf("a sleep that does not fit: %v, want %v", err, context.DeadlineExceeded)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("slept %v, want 1s", got)
		}
	})
}

func TestIDsAreDistinctAndJitterIsAFraction(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		seen[environ.NewID()] = true
		if j := environ.Jitter(); j < 0 || j >= 1 {
			t.Fatalf("Jitter() = %v, want [0, 1)", j)
		}
	}
	if len(seen) != 1000 {
		t.Errorf("%d distinct ids of 1000", len(seen))
	}
}

func TestLoggerWritesOneJSONLineInUTC(t *testing.T) {
	var out bytes.Buffer
	environ.Logger(&out).Info("authn_login_fail", "username", "a\nb")
	var line map[string]string
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Fatalf("not one line of JSON: %q: %v", out.String(), err)
	}
	if !strings.HasSuffix(line["time"], "Z") || line["username"] != "a\nb" {
		t.Errorf("got %v, want a time in UTC and the username", line)
	}
}

func TestLoggerTellsTheEventAndTheVersion(t *testing.T) {
	before := lambdacontext.FunctionVersion
	t.Cleanup(func() { lambdacontext.FunctionVersion = before })
	lambdacontext.FunctionVersion = "7"
	var out bytes.Buffer
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "8476a536"})
	log := environ.Logger(&out).With("by", "acme")
	log.InfoContext(ctx, "of an event")
	log.Info("between events")
	decode := json.NewDecoder(&out)
	for _, want := range []map[string]string{
		{"level": "INFO", "msg": "of an event", "by": "acme", "function_version": "7", "lambda_request_id": "8476a536"},
		{"level": "INFO", "msg": "between events", "by": "acme", "function_version": "7"},
	} {
		var line map[string]string
		if err := decode.Decode(&line); err != nil {
			t.Fatal(err)
		}
		delete(line, "time")
		if diff := cmp.Diff(line, want); diff != "" {
			t.Errorf("line: got -, want +:\n%s", diff)
		}
	}
}

func TestPolicyFaultsLogsOneLine(t *testing.T) {
	var out bytes.Buffer
	environ.PolicyFaults(environ.Logger(&out))("acme", errors.New("throttled"))
	var line map[string]string
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not one line of JSON: %q: %v", out.String(), err)
	}
	delete(line, "time")
	want := map[string]string{"level": "WARN", "msg": "policy_unreadable", "client": "acme", "error": "throttled"}
	if diff := cmp.Diff(line, want); diff != "" {
		t.Errorf("line: got -, want +:\n%s", diff)
	}
}

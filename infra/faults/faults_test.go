package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/faults"
)

// A world is a proxy in front of a service that answers each request with how
// many there were before it.
type world struct {
	proxy  *faults.Proxy
	effect atomic.Int64
	config aws.Config
}

// patience is how long the callers here wait for an answer.
const patience = time.Second

func newWorld(t *testing.T) *world {
	t.Helper()
	w := new(world)
	service := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintf(out, `{"Item": {"n": {"N": "%d"}}}`, w.effect.Add(1))
	}))
	t.Cleanup(service.Close)
	proxy, err := faults.Start(service.URL, func(name string) string { return strings.TrimPrefix(name, "long-") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	w.proxy = proxy
	w.config = aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(proxy.URL()), HTTPClient: &http.Client{Timeout: patience},
		Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
	}
	return w
}

// get reads an item, with the number of tries that the SDK has.
func (w *world) get(tries int, table string, consistent bool) (string, error) {
	out, err := dynamodb.NewFromConfig(w.config).GetItem(context.Background(), &dynamodb.GetItemInput{
		TableName: &table, ConsistentRead: &consistent,
		Key: map[string]types.AttributeValue{"k": &types.AttributeValueMemberS{Value: "a"}},
	}, func(o *dynamodb.Options) { o.RetryMaxAttempts = tries })
	if err != nil {
		return "", err
	}
	return out.Item["n"].(*types.AttributeValueMemberN).Value, nil
}

func TestEachKind(t *testing.T) {
	internal := func(err error) bool {
		var fault *types.InternalServerError
		return errors.As(err, &fault)
	}
	throttled := func(err error) bool {
		var fault *types.ProvisionedThroughputExceededException
		return errors.As(err, &fault)
	}
	reset := func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
	ended := func(err error) bool { return errors.Is(err, io.EOF) }
	late := func(err error) bool { return err != nil && strings.Contains(err.Error(), "Client.Timeout") }
	none := func(err error) bool { return err == nil }
	for kind, is := range map[faults.Kind]func(error) bool{
		faults.None: none, faults.Refuse: internal, faults.Spoil: internal, faults.Throttle: throttled,
		faults.Reset: reset, faults.Lose: ended, faults.Hold: late, faults.Slow: none, faults.Stale: none,
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.proxy.Inject(faults.Always(kind))
			_, err := w.get(1, "a", false)
			if !is(err) || (err != nil) != kind.Fails() {
				t.Errorf("the caller sees %v", err)
			}
			if took := w.effect.Load() == 1; took != kind.TakesEffect() {
				t.Errorf("it took effect: %v", took)
			}
			w.proxy.Inject(nil)
			if _, err := w.get(1, "a", false); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
	}
}

func TestAnotherTryMendsWhatHappensOnce(t *testing.T) {
	w := newWorld(t)
	for _, kind := range faults.Kinds() {
		w.proxy.Inject(faults.Once(faults.Always(kind)))
		if _, err := w.get(2, "a", true); err != nil {
			t.Errorf("%s once: %v", kind, err)
		}
		w.proxy.Inject(faults.Always(kind))
		if _, err := w.get(2, "a", true); (err != nil) != kind.Fails() {
			t.Errorf("%s always: %v", kind, err)
		}
	}
}

// TestOneCallOfMany fails the second call on a table in all its tries, and no
// other.
func TestOneCallOfMany(t *testing.T) {
	w := newWorld(t)
	w.proxy.Inject(faults.At("dynamodb:GetItem b", 2, faults.Refuse))
	var failed []int
	for i, table := range []string{"a", "long-b", "a", "long-b", "long-b"} {
		if _, err := w.get(2, table, true); err != nil {
			failed = append(failed, i)
		}
	}
	if diff := cmp.Diff(failed, []int{3}); diff != "" {
		t.Errorf("calls that failed (-got +want):\n%s", diff)
	}
	type seen struct {
		place               string
		nth, nthOfName, try int
		fault               faults.Kind
		status              int
	}
	var got []seen
	for _, c := range w.proxy.Take() {
		got = append(got, seen{c.Place(), c.Nth, c.NthOfName, c.Try, c.Fault, c.Status})
	}
	a, b := "dynamodb:GetItem a", "dynamodb:GetItem b"
	want := []seen{
		{a, 1, 1, 1, "", 200}, {b, 1, 2, 1, "", 200}, {a, 2, 3, 1, "", 200},
		{b, 2, 4, 1, faults.Refuse, 500}, {b, 2, 4, 2, faults.Refuse, 500}, {b, 3, 5, 1, "", 200},
	}
	if diff := cmp.Diff(got, want, cmp.AllowUnexported(seen{})); diff != "" {
		t.Errorf("tries (-got +want):\n%s", diff)
	}
	if _, err := w.get(2, "long-b", true); err != nil || w.proxy.Take()[0].Nth != 1 {
		t.Errorf("the numbers did not begin anew: %v", err)
	}
	if n := w.proxy.Counts()[faults.Count{Name: "dynamodb:GetItem", Fault: faults.Refuse}]; n != 2 {
		t.Errorf("got a count of %d refused tries, want 2", n)
	}
}

func TestStaleReads(t *testing.T) {
	for _, c := range []struct {
		consistent bool
		want       string
	}{{false, "1"}, {true, "3"}} {
		w := newWorld(t)
		for range 2 {
			if _, err := w.get(1, "a", c.consistent); err != nil {
				t.Fatal(err)
			}
		}
		w.proxy.Inject(faults.Always(faults.Stale))
		if got, err := w.get(1, "a", c.consistent); err != nil || got != c.want {
			t.Errorf("consistent %v: got answer %s, %v; want %s", c.consistent, got, err, c.want)
		}
	}
}

// TestOtherServicesFailInTheirWords is about what an SDK makes of the answers.
func TestOtherServicesFailInTheirWords(t *testing.T) {
	w := newWorld(t)
	codes := map[string]string{}
	for _, kind := range []faults.Kind{faults.Refuse, faults.Throttle} {
		w.proxy.Inject(faults.Always(kind))
		_, parameter := ssm.NewFromConfig(w.config).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/p")})
		_, mint := cognitoidentityprovider.NewFromConfig(w.config).AdminGetUser(t.Context(),
			&cognitoidentityprovider.AdminGetUserInput{UserPoolId: aws.String("eu_1"), Username: aws.String("u")})
		for name, err := range map[string]error{"ssm": parameter, "cognito": mint} {
			if said := smithy.APIError(nil); errors.As(err, &said) {
				codes[name+" "+string(kind)] = said.ErrorCode()
			}
		}
	}
	want := map[string]string{
		"ssm refuse": "InternalServerError", "ssm throttle": "ThrottlingException",
		"cognito refuse": "InternalErrorException", "cognito throttle": "TooManyRequestsException",
	}
	if diff := cmp.Diff(codes, want); diff != "" {
		t.Errorf("codes (-got +want):\n%s", diff)
	}
	places := map[string]bool{}
	for _, c := range w.proxy.Take() {
		places[c.Place()] = true
	}
	if diff := cmp.Diff(places, map[string]bool{"ssm:GetParameter /p": true, "cognito-idp:AdminGetUser ": true}); diff != "" {
		t.Errorf("places (-got +want):\n%s", diff)
	}
}

func TestRandomIsRepeatableAndKeepsItsShare(t *testing.T) {
	draw := func(seed uint64) (kinds []faults.Kind, failed int) {
		rule := faults.Random(seed, 0.25, faults.Lose, faults.Reset)
		for range 1000 {
			kind := rule(faults.Call{})
			if kinds = append(kinds, kind); kind != faults.None {
				failed++
			}
		}
		return kinds, failed
	}
	first, failed := draw(1)
	again, _ := draw(1)
	other, _ := draw(2)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the same seed drew something else:\n%s", diff)
	}
	if cmp.Equal(first, other) {
		t.Error("another seed drew the same")
	}
	if failed < 200 || failed > 300 { // 250 ± 3.6 standard deviations, and the seed is fixed
		t.Errorf("got %d faults of 1000, want about 250", failed)
	}
}

func TestCallsTellWhereTheyComeFrom(t *testing.T) {
	t.Setenv("AWS_EXECUTION_ENV", "AWS_Lambda_refresh-token")
	w := newWorld(t)
	table := map[string]types.KeysAndAttributes{"long-b": {Keys: []map[string]types.AttributeValue{{"k": &types.AttributeValueMemberS{Value: "a"}}}}}
	db := dynamodb.NewFromConfig(w.config)
	if _, err := db.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: table}); err != nil {
		t.Fatal(err)
	}
	put := func(name string) types.TransactWriteItem {
		return types.TransactWriteItem{Put: &types.Put{TableName: &name, Item: map[string]types.AttributeValue{}}}
	}
	if _, err := db.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{put("z"), put("long-b"), put("z")},
	}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range w.proxy.Take() {
		got = append(got, c.Function+": "+c.Place())
	}
	want := []string{"refresh-token: dynamodb:BatchGetItem b", "refresh-token: dynamodb:TransactWriteItems b+z"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("calls (-got +want):\n%s", diff)
	}
}

func TestAnAddressThatIsNone(t *testing.T) {
	if _, err := faults.Start("", nil); err == nil {
		t.Error("got no error")
	}
}

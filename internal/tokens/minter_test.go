package tokens_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/tokens"
)

const (
	firstSecret  = "first-secret-of-thirty-two-bytes-or-more"
	secondSecret = "other-secret-of-thirty-two-bytes-or-more"

	firstClientSecret  = "first-client-secret"
	secondClientSecret = "other-client-secret"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// secretHashes are what Cognito wants of ana with the app client c1, by the
// client's secret. They were computed with OpenSSL:
//
//	printf acme/ana.silvac1 | openssl dgst -sha256 -hmac SECRET -binary | base64
var secretHashes = map[string]string{
	firstClientSecret:  "wSR5pGHj3+jp2HtIzGs7vHjRaN5XgfBV64lkPj1Y58Y=",
	secondClientSecret: "Y0SlMeYakF6UkV5L65QG9oKQGu9yfYM6xfn6FdihNFQ=",
}

var ana = access.User{
	Client: "acme", Username: "ana.silva", Role: access.Manager,
	CreatedAt: now, SessionsSince: now.Add(time.Hour + 123*time.Millisecond),
}

// poolToken is the refresh token that the pool gives: one at a time.
const poolToken = "refresh-token-of-the-pool"

// A pool plays Cognito and Parameter Store for one user, below the SDK, so that
// its faults reach the code as real ones do. It ends no session but by
// RevokeToken and with the user.
type pool struct {
	mu       sync.Mutex
	secret   string
	client   string   // the app client's secret; empty while it has none
	password string   // the user's; empty while there is no user
	groups   []string // the user's
	session  bool     // that there is one
	owner    string   // whose tokens it gives
	calls    []string
	sent     []string // the bodies of the calls
	fail     string   // the operation that answers with an error
	lost     string   // the operation that works and answers with an error
	takes    time.Duration
}

// newPool returns a pool without a user.
func newPool() *pool {
	return &pool{secret: firstSecret, client: firstClientSecret, owner: "acme/ana.silva"}
}

func (p *pool) minter(now func() time.Time) *tokens.Minter {
	config := aws.Config{
		Region: "eu-west-1", HTTPClient: p, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
	}
	return tokens.NewMinter(cognitoidentityprovider.NewFromConfig(config), ssm.NewFromConfig(config), "p_1", "c1", "/secret", now)
}

// Do answers one request.
func (p *pool) Do(r *http.Request) (*http.Response, error) {
	time.Sleep(p.takes) // only where time is synctest's
	p.mu.Lock()
	defer p.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	p.calls, p.sent = append(p.calls, operation), append(p.sent, string(body))
	status, answer := http.StatusBadRequest, fault("InternalErrorException", "echo "+string(body)+p.secret+p.client)
	if operation != p.fail {
		status, answer = p.answer(operation, body)
	}
	if operation == p.lost {
		status, answer = http.StatusBadRequest, fault("InternalErrorException", "lost")
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(bytes.NewReader(answer)),
	}, nil
}

func fault(code, message string) []byte {
	return must(json.Marshal(map[string]string{"__type": code, "message": message}))
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func (p *pool) answer(operation string, body []byte) (int, []byte) {
	var sent struct {
		Password       string
		GroupName      string
		AuthFlow       string
		AuthParameters struct{ PASSWORD, SECRET_HASH, REFRESH_TOKEN string }
		ClientSecret   string
		Token          string
	}
	must(nil, json.Unmarshal(body, &sent))
	asksForUser := []string{"AdminInitiateAuth", "AdminDeleteUser", "AdminUserGlobalSignOut"}
	if p.password == "" && slices.Contains(asksForUser, operation) {
		return http.StatusBadRequest, fault("UserNotFoundException", string(body))
	}
	switch operation {
	case "GetParameter":
		return ok(map[string]any{"Parameter": map[string]any{"Value": p.secret}})
	case "DescribeUserPoolClient":
		return ok(map[string]any{"UserPoolClient": map[string]any{"ClientSecret": p.client}})
	case "AdminCreateUser":
		if p.password != "" {
			return http.StatusBadRequest, fault("UsernameExistsException", "")
		}
		p.password = "made up"
	case "AdminSetUserPassword":
		p.password = sent.Password
	case "AdminListGroupsForUser":
		return ok(map[string]any{"Groups": groups(p.groups)})
	case "AdminRemoveUserFromGroup":
		p.groups = without(p.groups, sent.GroupName)
	case "AdminAddUserToGroup":
		p.groups = append(without(p.groups, sent.GroupName), sent.GroupName)
	case "AdminDeleteUser":
		p.password, p.groups, p.session = "", nil, false
	case "AdminInitiateAuth":
		given, right := sent.AuthParameters, false
		switch sent.AuthFlow {
		case "ADMIN_USER_PASSWORD_AUTH":
			right = given.PASSWORD == p.password
			p.session = p.session || right
		case "REFRESH_TOKEN_AUTH":
			right = given.REFRESH_TOKEN == poolToken && p.session
		}
		if !right || given.SECRET_HASH != secretHashes[p.client] {
			return http.StatusBadRequest, fault("NotAuthorizedException", string(body))
		}
		return ok(map[string]any{"AuthenticationResult": p.tokens(sent.AuthFlow)})
	case "RevokeToken":
		if sent.ClientSecret != p.client {
			return http.StatusBadRequest, fault("UnauthorizedException", string(body))
		}
		p.session = p.session && sent.Token != poolToken
	}
	return ok(map[string]any{})
}

// tokens returns the owner's, which nobody signed: the minter takes Cognito's word.
func (p *pool) tokens(flow string) map[string]any {
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(must(json.Marshal(v))) }
	claims := map[string]any{"username": p.owner, "cognito:groups": p.groups}
	result := map[string]any{
		"AccessToken": part(map[string]string{"alg": "RS256"}) + "." + part(claims) + ".c2ln", "ExpiresIn": 900,
	}
	if flow == "ADMIN_USER_PASSWORD_AUTH" {
		result["RefreshToken"] = poolToken
	}
	return result
}

func ok(answer any) (int, []byte) { return http.StatusOK, must(json.Marshal(answer)) }

func groups(names []string) []map[string]string {
	var all []map[string]string
	for _, name := range names {
		all = append(all, map[string]string{"GroupName": name})
	}
	return all
}

func without(names []string, name string) []string {
	var rest []string
	for _, n := range names {
		if n != name {
			rest = append(rest, n)
		}
	}
	return rest
}

func (p *pool) count(operation string) int {
	return strings.Count(strings.Join(p.calls, " "), operation)
}

// unavailable checks an error's kind and that it tells no secret.
func unavailable(t *testing.T, err error, p *pool) {
	t.Helper()
	if !errors.Is(err, lockout.ErrUnavailable) {
		t.Fatalf("got %v, want %v", err, lockout.ErrUnavailable)
	}
	for _, secret := range []string{firstSecret, secondSecret, firstClientSecret, secondClientSecret, p.password, poolToken} {
		if secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells a secret: %v", err)
		}
	}
}

func TestConcurrentFirstUsesReadEachSecretOnce(t *testing.T) {
	p := newPool()
	if err := p.minter(time.Now).Enrol(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	p.calls = nil
	m := p.minter(time.Now)
	if len(p.calls) != 0 {
		t.Errorf("making a minter called %v", p.calls)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := m.Mint(t.Context(), ana); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, operation := range []string{"GetParameter", "DescribeUserPoolClient"} {
		if got := p.count(operation); got != 1 {
			t.Errorf("called %s %d times, want 1", operation, got)
		}
	}
}

func TestTheSecretsAreReadBesideEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool()
		if err := p.minter(time.Now).Enrol(t.Context(), ana); err != nil {
			t.Fatal(err)
		}
		p.takes = time.Second
		began := time.Now()
		if _, err := p.minter(time.Now).Mint(t.Context(), ana); err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(began), 2*p.takes; got != want {
			t.Errorf("the first session took %v, want %v: one for both secrets and one for the tokens", got, want)
		}
	})
}

// provision-client and manage-user may not read the app client.
func TestWhatKeepsUsersDoesNotReadTheClientsSecret(t *testing.T) {
	p := newPool()
	m := p.minter(time.Now)
	for name, keep := range map[string]func(context.Context, access.User) error{
		"Enrol": m.Enrol, "SignOut": m.SignOut, "Remove": m.Remove,
	} {
		if err := keep(t.Context(), ana); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := p.count("DescribeUserPoolClient"); got != 0 {
		t.Errorf("read it %d times, want 0", got)
	}
}

func TestTheMachinePasswordMeetsAnyPolicyAndIsTheUsersOwn(t *testing.T) {
	password := func(secret string, user access.User) string {
		p := newPool()
		p.secret = secret
		if err := p.minter(time.Now).Enrol(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		return p.password
	}
	same, bea, anew := ana, ana, ana
	same.Role, same.Name, same.SessionsSince = access.Sysadmin, "Ana", now.Add(time.Minute)
	bea.Username = "bea"
	anew.CreatedAt = ana.CreatedAt.Add(time.Millisecond)
	first := password(firstSecret, ana)
	if first != password(firstSecret, same) {
		t.Error("the password depends on more than the secret, the name and the time of creation")
	}
	for name, other := range map[string]string{
		"another secret": password(secondSecret, ana), "another user": password(firstSecret, bea),
		"one created anew": password(firstSecret, anew),
	} {
		if first == other {
			t.Errorf("the password is the same for %s", name)
		}
	}
	if !strings.HasPrefix(first, "Aa1!") || len(first) != len("Aa1!")+43 {
		t.Errorf("the password is %d characters long and may lack a kind", len(first))
	}
}

func TestAReplacedSecretIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		replace   func(p *pool)
		operation string // reads the secret
	}{
		"the secret of the machine passwords": {func(p *pool) { p.secret = secondSecret }, "GetParameter"},
		"the app client's":                    {func(p *pool) { p.client = secondClientSecret }, "DescribeUserPoolClient"},
	} {
		t.Run(name, func(t *testing.T) {
			p, clock := newPool(), time.Now()
			m := p.minter(func() time.Time { return clock })
			if err := m.Enrol(t.Context(), ana); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Mint(t.Context(), ana); err != nil {
				t.Fatal(err)
			}
			c.replace(p)
			if err := p.minter(time.Now).Enrol(t.Context(), ana); err != nil {
				t.Fatal(err)
			}
			p.calls = nil

			_, err := m.Mint(t.Context(), ana)
			unavailable(t, err, p)
			if got := p.count(c.operation); got != 0 {
				t.Errorf("read the secret %d times within a minute, want 0", got)
			}
			clock = clock.Add(time.Minute)
			if _, err := m.Mint(t.Context(), ana); err != nil {
				t.Errorf("after a minute: %v", err)
			}
			if got := p.count(c.operation); got != 1 {
				t.Errorf("read the secret %d times, want 1", got)
			}
		})
	}
}

// TestEnrolFollowsAReplacedSecret: infra/runbook.md counts on the minute.
func TestEnrolFollowsAReplacedSecret(t *testing.T) {
	p, clock := newPool(), time.Now()
	m := p.minter(func() time.Time { return clock })
	if err := m.Enrol(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	p.secret = secondSecret
	clock = clock.Add(time.Minute)
	if err := m.Enrol(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	if _, err := p.minter(time.Now).Mint(t.Context(), ana); err != nil {
		t.Errorf("a mint that reads the new secret: %v", err)
	}
	if got := p.count("GetParameter"); got != 3 {
		t.Errorf("read the secret %d times, want 3: two of the enroller's and one of the mint's", got)
	}
}

func TestAPasswordThatStaysRefusedReadsTheSecretOnceAMinute(t *testing.T) {
	p, clock := newPool(), time.Now()
	p.password = "somebody else's"
	m := p.minter(func() time.Time { return clock })
	for range 5 {
		clock = clock.Add(30 * time.Second)
		_, err := m.Mint(t.Context(), ana)
		unavailable(t, err, p)
	}
	for _, operation := range []string{"GetParameter", "DescribeUserPoolClient"} {
		if got := p.count(operation); got != 3 {
			t.Errorf("called %s %d times in two minutes, want 3", operation, got)
		}
	}
}

func TestAFailureOfTheBackendTellsNoSecretWhenMinting(t *testing.T) {
	for _, operation := range []string{"GetParameter", "DescribeUserPoolClient", "AdminInitiateAuth"} {
		t.Run(operation, func(t *testing.T) {
			p := newPool()
			p.fail = operation
			_, err := p.minter(time.Now).Mint(t.Context(), ana)
			unavailable(t, err, p)
		})
	}
	t.Run("a secret that is too short", func(t *testing.T) {
		p := newPool()
		p.secret = "short"
		_, err := p.minter(time.Now).Mint(t.Context(), ana)
		unavailable(t, err, p)
	})
	t.Run("an app client without a secret", func(t *testing.T) {
		p := newPool()
		p.client = ""
		_, err := p.minter(time.Now).Mint(t.Context(), ana)
		unavailable(t, err, p)
	})
}

func TestEnrolIsMendedByRunningItAgain(t *testing.T) {
	steps := []string{
		"AdminCreateUser", "GetParameter", "AdminSetUserPassword",
		"AdminListGroupsForUser", "AdminRemoveUserFromGroup", "AdminAddUserToGroup",
	}
	for _, step := range steps {
		for _, when := range []string{"before", "after"} {
			t.Run(step+" fails "+when+" its effect", func(t *testing.T) {
				p := newPool()
				p.groups = []string{"Sysadmin", "Superuser"}
				if when == "before" {
					p.fail = step
				} else {
					p.lost = step
				}
				m := p.minter(time.Now)
				unavailable(t, m.Enrol(t.Context(), ana), p)
				p.fail, p.lost = "", ""
				if err := m.Enrol(t.Context(), ana); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(p.groups, []string{"Manager"}); diff != "" {
					t.Errorf("groups: got -, want +:\n%s", diff)
				}
				if _, err := m.Mint(t.Context(), ana); err != nil {
					t.Errorf("minting after the repair: %v", err)
				}
			})
		}
	}
}

// TestEnrolLeavesNoRoleToTakeItAgain: every change of a user enrols them, and a
// login in between would find them without a role.
func TestEnrolLeavesNoRoleToTakeItAgain(t *testing.T) {
	p := newPool()
	p.groups = []string{"Manager"}
	if err := p.minter(time.Now).Enrol(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	if got := p.count("AdminRemoveUserFromGroup"); got != 0 {
		t.Errorf("left %d groups, want 0", got)
	}
}

func TestEnrolRefusesARoleThatIsNone(t *testing.T) {
	p := newPool()
	nobody := ana
	nobody.Role = "Admin"
	if err := p.minter(time.Now).Enrol(t.Context(), nobody); err == nil || errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("got %v, want an error that is no outage", err)
	}
	if len(p.calls) != 0 {
		t.Errorf("called %v, want nothing", p.calls)
	}
}

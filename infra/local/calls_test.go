package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/infra/faults"
	"portcullis/internal/access"
	"portcullis/internal/environ"
	"portcullis/internal/lockouttest"
	"portcullis/internal/tokens"
	"portcullis/internal/users"
)

// update lets the test of the record write it instead. In the project's folder:
//
//	make functions && go build -o .build/bin/ministack ./infra/ministack
//	.build/bin/ministack -venv .build/ministack -- go test -count=1 -run '^TestTheRecordOfCalls$' ./infra/local -args -update
var update = flag.Bool("update", false, "write the record of the functions' calls anew")

// recordOfCalls is the file of it: each line is a [faults.Access].
const recordOfCalls = "../testdata/calls.txt"

// TestTheRecordOfCalls drives the compiled functions through everything that they
// do, and compares what they ask of AWS with the record of it. Package infra holds
// the roles of template.yaml against that record.
func TestTheRecordOfCalls(t *testing.T) {
	got := recordCalls(t)
	if *update {
		if err := os.WriteFile(recordOfCalls, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(recordOfCalls)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range linesOnlyIn(got, string(want)) {
		t.Errorf("not on record: %s", line)
	}
	for _, line := range linesOnlyIn(string(want), got) {
		t.Errorf("on record, and not made: %s", line)
	}
	if t.Failed() {
		t.Logf("the record is %s; the comment on the flag -update says how it is written", recordOfCalls)
	}
}

func linesOnlyIn(one, other string) []string {
	there := strings.Split(other, "\n")
	return slices.DeleteFunc(strings.Split(one, "\n"), func(line string) bool { return slices.Contains(there, line) })
}

// recordCalls returns a line for each thing that a function asked for.
func recordCalls(t *testing.T) string {
	t.Helper()
	proxy, err := faults.Start(os.Getenv("AWS_ENDPOINT_URL"), nameInTemplate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	direct := lockouttest.AWS(t)
	t.Setenv("PORTCULLIS_EVENT_BUS", newListener(t, direct).name)
	t.Setenv("AWS_ENDPOINT_URL", proxy.URL())
	functions, people := demoStores(t)
	functions["publish-events"] = newPublisher(t)
	everything(t, &visitor{t: t, proxy: proxy, direct: direct, root: withRole(people, access.Sysadmin)}, functions, withRole(people, access.Manager))
	var lines []string
	for _, a := range proxy.Accesses() {
		if a.Function == "" || strings.HasPrefix(a.Action, "jwks:") {
			continue // this test's own, and what wants no right
		}
		if a.Resource != "UsersTable" {
			a.Attributes = "" // no role looks at them elsewhere
		}
		lines = append(lines, a.String())
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}

// nameInTemplate returns what a template calls a table or the pool that a variable
// names, and the name of a parameter as one of the stage STAGE and of the client
// CLIENT.
func nameInTemplate(name string) string {
	for variable, is := range map[string]string{
		"PORTCULLIS_ATTEMPTS_TABLE": "AttemptsTable", "PORTCULLIS_USERS_TABLE": "UsersTable", "PORTCULLIS_AUDIT_TABLE": "AuditTable",
		"PORTCULLIS_USER_POOL_ID": "UserPool", "PORTCULLIS_EVENT_BUS": "BUS",
	} {
		if name == os.Getenv(variable) {
			return is
		}
	}
	parts := strings.Split(name, "/")
	for i, part := range parts {
		switch {
		case i == 2 && part == os.Getenv("PORTCULLIS_STAGE"):
			parts[i] = "STAGE"
		case i > 0 && parts[i-1] == "clients":
			parts[i] = "CLIENT"
		}
	}
	return strings.Join(parts, "/")
}

// everything makes each function do all that it does, to a Manager for the most
// part.
func everything(t *testing.T, v *visitor, functions compiled, ana person) {
	server := httptest.NewServer(&gateway{
		routes: slices.Concat(access.Routes(), access.ConsoleRoutes()), backend: functions,
		log: slog.New(slog.DiscardHandler), now: time.Now, newID: environ.NewID,
	})
	t.Cleanup(server.Close)
	v.base = server.URL
	v.logIn(ana)
	v.lockAndUnlock(ana)
	v.changePolicy()
	v.manage()
	v.read(ana)
	v.provision(functions)
	if answer := answerTo(t, functions["publish-events"], filepath.Join(samples, "publish-events.json")); !strings.Contains(answer, "batchItemFailures") {
		t.Errorf("publishing: got %s", answer)
	}
}

// A visitor uses the API of one client, whose Sysadmin is root.
type visitor struct {
	t      *testing.T
	proxy  *faults.Proxy
	direct aws.Config // past the proxy
	base   string
	root   person
}

// ask sends a request as somebody, or as nobody, and wants a status.
func (v *visitor) ask(want int, token, method, path string, body any) map[string]any {
	v.t.Helper()
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			v.t.Fatal(err)
		}
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	path = strings.ReplaceAll(path, "CLIENT", v.root.Client)
	response, text := send(v.t, method, v.base+path, header, sent.String())
	if response.StatusCode != want {
		v.t.Fatalf("%s %s: got %d %s, want %d", method, path, response.StatusCode, text, want)
	}
	var answer map[string]any
	_ = json.Unmarshal([]byte(text), &answer) // an answer without a body has nothing
	return answer
}

func (v *visitor) login(want int, username, password string) map[string]any {
	v.t.Helper()
	return v.ask(want, "", "POST", "/login", map[string]string{"client": v.root.Client, "username": username, "password": password})
}

// asRoot sends a request as the Sysadmin.
func (v *visitor) asRoot(want int, method, path string, body any) map[string]any {
	v.t.Helper()
	token, _ := v.login(http.StatusOK, v.root.Username, v.root.Password)["access_token"].(string)
	return v.ask(want, token, method, path, body)
}

// logIn opens, renews and ends a session. The hash of the password is an old one
// at first. Another login cannot be charged, and looks whether it was.
func (v *visitor) logIn(p person) {
	v.outdate(p)
	session := map[string]any{"refresh_token": v.login(http.StatusOK, p.Username, p.Password)["refresh_token"]}
	v.ask(http.StatusOK, "", "POST", "/token", session)
	v.ask(http.StatusNoContent, "", "POST", "/logout", session)
	v.proxy.Inject(faults.Always(faults.Refuse, "dynamodb:UpdateItem"))
	v.login(http.StatusServiceUnavailable, p.Username, p.Password)
	v.proxy.Inject(nil)
}

// outdate gives a user the hash of their password that a weaker hasher makes.
func (v *visitor) outdate(p person) {
	weak := users.DefaultParams()
	weak.Time = 1
	phc, err := users.NewHasher(weak, rand.Reader, 1).Hash(v.t.Context(), p.Password)
	if err != nil {
		v.t.Fatal(err)
	}
	effect := "SET password_hash = :h"
	_, err = dynamodb.NewFromConfig(v.direct).UpdateItem(v.t.Context(), &dynamodb.UpdateItemInput{
		TableName: usersTable(), UpdateExpression: &effect, Key: userItem(p),
		ExpressionAttributeValues: map[string]types.AttributeValue{":h": &types.AttributeValueMemberS{Value: phc}},
	})
	if err != nil {
		v.t.Fatal(err)
	}
}

func usersTable() *string { return aws.String(os.Getenv("PORTCULLIS_USERS_TABLE")) }

func userItem(p person) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"client": &types.AttributeValueMemberS{Value: p.Client}, "username": &types.AttributeValueMemberS{Value: p.Username},
	}
}

// lock fails until the default maximum locks, and is refused twice after that: once
// by the store, and once by what the process remembers.
func (v *visitor) lock(username string) {
	for range 4 {
		v.login(http.StatusUnauthorized, username, "wrong-1-wrong")
	}
	for range 3 {
		v.login(http.StatusLocked, username, "wrong-1-wrong")
	}
}

func (v *visitor) lockAndUnlock(p person) {
	v.lock(p.Username)
	path := "/clients/CLIENT/users/" + p.Username
	v.asRoot(http.StatusOK, "GET", "/clients/CLIENT/users?locked=true", nil)
	v.asRoot(http.StatusOK, "GET", path, nil)
	v.asRoot(http.StatusOK, "POST", path+"/unlock", map[string]string{"reason": "called"})
	v.lock(p.Username)
	v.asRoot(http.StatusOK, "POST", "/clients/CLIENT/unlocks", map[string]any{"usernames": []string{p.Username, "nobody"}})
}

func (v *visitor) changePolicy() {
	const path = "/clients/CLIENT/policy"
	v.asRoot(http.StatusOK, "GET", path, nil)
	v.asRoot(http.StatusOK, "PUT", path, map[string]int{"max_failed_login_attempts_portal": 7})
	v.asRoot(http.StatusConflict, "PUT", path, map[string]int{"max_failed_login_attempts_portal": 7, "version": 9})
	v.asRoot(http.StatusOK, "GET", path, nil)
	v.asRoot(http.StatusOK, "DELETE", path, nil)
}

// manage has users come under a name that failed before, change and go, one of
// them locked.
func (v *visitor) manage() {
	const path = "/clients/CLIENT/users"
	for _, role := range []string{"Manager", "Sysadmin"} {
		v.login(http.StatusUnauthorized, "eva.luz", "wrong-1-wrong")
		eva := map[string]string{"username": "eva.luz", "role": role, "name": "Eva Luz", "email": "eva@demo.example", "password": "Correct-horse-9"}
		v.asRoot(http.StatusCreated, "POST", path, eva)
		v.asRoot(http.StatusConflict, "POST", path, eva)
		v.asRoot(http.StatusOK, "PUT", path+"/eva.luz", map[string]string{"name": "Eva"})
		for _, next := range []string{"Sysadmin", "ITUser", role} {
			v.asRoot(http.StatusOK, "PUT", path+"/eva.luz", map[string]string{"role": next})
		}
		v.asRoot(http.StatusNoContent, "PUT", path+"/eva.luz/password", map[string]string{"password": "Second-horse-9"})
		v.lock("eva.luz")
		v.asRoot(http.StatusNoContent, "DELETE", path+"/eva.luz", nil)
	}
}

// read asks for all that there is to read.
func (v *visitor) read(p person) {
	for _, path := range []string{
		"/users", "/users?locked=false&limit=1", "/users?locked=true", "/users?role=Manager&q=a", "/users/" + p.Username, "/audit", "/audit?username=" + p.Username + "&action=authn_login_lock",
	} {
		v.asRoot(http.StatusOK, "GET", "/clients/CLIENT"+path, nil)
	}
	v.ask(http.StatusOK, "", "GET", "/health", nil)
	v.ask(http.StatusOK, "", "GET", "/openapi.yaml", nil)
	v.ask(http.StatusOK, "", "GET", "/console/", nil)
}

// provision has the client made again, by its Sysadmin and by another, and its
// glass broken: for the Sysadmin who is locked, for a name that the mint knows in
// another role, and for somebody who is deleted at that moment.
func (v *visitor) provision(functions compiled) {
	v.order(functions, `"created":false`, v.root.Username, "")
	v.order(functions, "the client has users", "stranger", "")
	v.lock(v.root.Username)
	v.order(functions, `"unlocked":true`, v.root.Username, "unlock")

	v.login(http.StatusUnauthorized, "second", "wrong-1-wrong")
	v.enrol(access.User{Client: v.root.Client, Username: "second", Role: access.Manager})
	v.order(functions, `"created":true`, "second", "create")

	db, third := dynamodb.NewFromConfig(v.direct), person{Client: v.root.Client, Username: "third"}
	v.proxy.Inject(func(c faults.Call) faults.Kind {
		if c.Name() == "cognito-idp:AdminCreateUser" {
			if _, err := db.DeleteItem(v.t.Context(), &dynamodb.DeleteItemInput{TableName: usersTable(), Key: userItem(third)}); err != nil {
				v.t.Error(err)
			}
		}
		return faults.None
	})
	v.order(functions, `"created":true`, third.Username, "create")
	v.proxy.Inject(nil)
}

// order gives provision-client an order, and wants a part of its answer or of its
// error.
func (v *visitor) order(functions compiled, want, username, breakGlass string) {
	v.t.Helper()
	payload, err := json.Marshal(map[string]string{
		"client": v.root.Client, "username": username, "name": "Root", "email": "root@demo.example",
		"by": "a test", "reason": "a test", "break_glass": breakGlass,
	})
	if err != nil {
		v.t.Fatal(err)
	}
	got, err := functions[provisionFunction].invoke(v.t.Context(), payload)
	if told := fmt.Sprint(string(got), err); !strings.Contains(told, want) {
		v.t.Errorf("provisioning: got %s, want %s", told, want)
	}
}

// enrol makes the mint know somebody who is no user.
func (v *visitor) enrol(user access.User) {
	in, err := environ.Parse[stores](os.Environ())
	if err != nil {
		v.t.Fatal(err)
	}
	mint := tokens.NewMinter(cognitoidentityprovider.NewFromConfig(v.direct), ssm.NewFromConfig(v.direct),
		string(in.Issuer.UserPoolID), string(in.Issuer.AppClientID), string(in.Secret), time.Now)
	if err := mint.Enrol(v.t.Context(), user); err != nil {
		v.t.Fatal(err)
	}
}

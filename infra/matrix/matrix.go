// Package matrix says who may send which request, for the tests that send each of
// them as everybody: a row for each route, written by hand from the design.
//
// The one decision a reader must know: nothing here is taken from internal/access or
// from openapi.yaml, or a mistake in those would be expected too. A route that is
// added wants its row here, and a test compares the rows with the template and with
// the contract.
package matrix

import (
	"slices"
	"strings"
)

// The roles, which are Cognito's groups, and the caller whose token has none.
const (
	Sysadmin  = "Sysadmin"
	Superuser = "Superuser"
	Manager   = "Manager"
	ITUser    = "ITUser"
	Nobody    = ""
)

// Callers are all of them.
func Callers() []string { return []string{Sysadmin, Superuser, Manager, ITUser, Nobody} }

// A Row is one route and what is to be expected of it.
type Row struct {
	Method, Path string
	// May are the roles that get through, in their own client. Nil is for everybody,
	// with a token or without.
	May []string
	// Status is the answer to who may, when the request is [Row.Request]'s.
	Status int
	// Body is what is sent; {role} in it is the role of whom it is done to.
	Body string
	// SparesSysadmins says that a Superuser may do it to others than Sysadmins alone.
	SparesSysadmins bool
	// Writes says that the store is another afterwards.
	Writes bool
}

// Name is "POST /login", as a row is found.
func (r Row) Name() string { return r.Method + " " + r.Path }

// OfUser reports whether it is done to the user that the path names.
func (r Row) OfUser() bool { return strings.Contains(r.Path, "{username}") }

// Lets reports whether a caller of the role may send it to their own client, where
// it is done to a user of the second role.
func (r Row) Lets(role, to string) bool {
	if r.May == nil {
		return true
	}
	if r.SparesSysadmins && role == Superuser && to == Sysadmin {
		return false
	}
	return slices.Contains(r.May, role)
}

// Request returns the path and the body of a request that is good, to a client and,
// where the route names one, to a user of a role.
func (r Row) Request(client, username, role string) (path, body string) {
	fill := strings.NewReplacer("{client}", client, "{username}", username, "{role}", role, "{proxy+}", "index.html")
	return fill.Replace(r.Path), fill.Replace(r.Body)
}

// onlySysadmins and alsoSuperusers are the two columns of the design's table "Who
// may do what"; the third, of everybody else, has no yes.
func onlySysadmins() []string  { return []string{Sysadmin} }
func alsoSuperusers() []string { return []string{Sysadmin, Superuser} }

// Rows returns the table.
func Rows() []Row { return slices.Concat(open(), preflights(), ofUsers(), ofClients()) }

// open are the routes that ask for no token. What is sent to a login is no login:
// that would be an attempt.
func open() []Row {
	return []Row{
		{Method: "POST", Path: "/login", Status: 400, Body: `{}`},
		{Method: "POST", Path: "/token", Status: 400, Body: `{}`},
		{Method: "POST", Path: "/logout", Status: 400, Body: `{}`},
		{Method: "GET", Path: "/health", Status: 200},
		{Method: "GET", Path: "/openapi.yaml", Status: 200},
		{Method: "GET", Path: "/console", Status: 302},
		{Method: "GET", Path: "/console/{proxy+}", Status: 200},
	}
}

// preflights are what a browser asks before it sends a token.
func preflights() (rows []Row) {
	for _, path := range []string{
		"/login", "/token", "/logout", "/health", "/openapi.yaml",
		"/clients/{client}/users", "/clients/{client}/users/{username}", "/clients/{client}/users/{username}/password",
		"/clients/{client}/users/{username}/unlock", "/clients/{client}/unlocks", "/clients/{client}/policy", "/clients/{client}/audit",
	} {
		rows = append(rows, Row{Method: "OPTIONS", Path: path, Status: 204})
	}
	return rows
}

// ofUsers are done to one user.
func ofUsers() []Row {
	const user = "/clients/{client}/users/{username}"
	return []Row{
		{Method: "GET", Path: user, May: alsoSuperusers(), Status: 200},
		{Method: "POST", Path: user + "/unlock", May: onlySysadmins(), Status: 200, Writes: true},
		{Method: "PUT", Path: user, May: alsoSuperusers(), SparesSysadmins: true, Status: 200, Body: `{"name": "Somebody Else"}`, Writes: true},
		{Method: "PUT", Path: user + "/password", May: alsoSuperusers(), SparesSysadmins: true, Status: 204,
			Body: `{"password": "another-word-7"}`, Writes: true},
		{Method: "DELETE", Path: user, May: alsoSuperusers(), SparesSysadmins: true, Status: 204, Writes: true},
	}
}

// ofClients are done to a client, or to users of it who are named in the body.
func ofClients() []Row {
	const client = "/clients/{client}"
	return []Row{
		{Method: "GET", Path: client + "/users", May: alsoSuperusers(), Status: 200},
		{Method: "POST", Path: client + "/users", May: alsoSuperusers(), SparesSysadmins: true, Status: 201,
			Body: `{"username": "new-{username}", "role": "{role}", "password": "another-word-7"}`, Writes: true},
		{Method: "POST", Path: client + "/unlocks", May: onlySysadmins(), Status: 200, Body: `{"usernames": ["{username}"]}`, Writes: true},
		{Method: "GET", Path: client + "/policy", May: alsoSuperusers(), Status: 200},
		{Method: "PUT", Path: client + "/policy", May: onlySysadmins(), Status: 200, Body: `{"max_failed_login_attempts_portal": 7}`, Writes: true},
		{Method: "DELETE", Path: client + "/policy", May: onlySysadmins(), Status: 200, Writes: true},
		{Method: "GET", Path: client + "/audit", May: onlySysadmins(), Status: 200},
	}
}

package access

import "slices"

// A Route is one method of the API on one path, as API Gateway spells it.
type Route struct {
	Method   string
	Path     string // with {client} and {username} as parameters; {proxy+} is any rest
	Function string // the folder under functions/ that answers
	Action   Action // Anybody where no token is asked for
}

// routes is the API, and the console beside it, which no page of another origin
// has to do with. template.yaml has one event for each.
var routes = append(withPreflights(api), console...)

var console = []Route{
	{"GET", "/console", "console", Anybody},
	{"GET", "/console/{proxy+}", "console", Anybody},
}

var api = []Route{
	{"POST", "/login", "login", Anybody},
	{"POST", "/token", "refresh-token", Anybody},
	{"POST", "/logout", "refresh-token", Anybody},
	{"GET", "/health", "query", Anybody},
	{"GET", "/openapi.yaml", "query", Anybody},
	{"POST", "/clients/{client}/users/{username}/unlock", "unlock-user", UnlockUsers},
	{"POST", "/clients/{client}/unlocks", "unlock-user", UnlockUsers},
	{"GET", "/clients/{client}/policy", "query", ReadPolicy},
	{"PUT", "/clients/{client}/policy", "update-policy", ChangePolicy},
	{"DELETE", "/clients/{client}/policy", "update-policy", ChangePolicy},
	{"GET", "/clients/{client}/users", "query", ReadUsers},
	{"GET", "/clients/{client}/users/{username}", "query", ReadUsers},
	{"POST", "/clients/{client}/users", "manage-user", ManageUsers},
	{"PUT", "/clients/{client}/users/{username}", "manage-user", ManageUsers},
	{"PUT", "/clients/{client}/users/{username}/password", "manage-user", ManageUsers},
	{"DELETE", "/clients/{client}/users/{username}", "manage-user", ManageUsers},
	{"GET", "/clients/{client}/audit", "query", ReadAudit},
}

// Preflight is the method of the request with which a browser asks, before it
// sends another, whether a page of another origin may (the Fetch standard,
// "CORS-preflight request"). It carries no token.
const Preflight = "OPTIONS"

// withPreflights adds a preflight route for each path, which asks for no token.
func withPreflights(of []Route) []Route {
	all := slices.Clone(of)
	for i, r := range of {
		first := slices.IndexFunc(of, func(other Route) bool { return other.Path == r.Path })
		if first == i {
			all = append(all, Route{Preflight, r.Path, "query", Anybody})
		}
	}
	return all
}

// Routes returns the routes in the order of the table.
func Routes() []Route { return append([]Route(nil), routes...) }

// FindRoute returns the route of a method on a path as API Gateway spells it
// (its "resource", with the parameters' names), and whether there is one.
func FindRoute(method, path string) (Route, bool) {
	for _, r := range routes {
		if r.Method == method && r.Path == path {
			return r, true
		}
	}
	return Route{}, false
}

package access

import "slices"

// A Route is one method of the API on one path, as API Gateway spells it.
type Route struct {
	Method   string
	Path     string // with {client} and {username} as parameters; {proxy+} is any rest
	Function string // the folder under functions/ that answers
	Action   Action // Anybody where no token is asked for
}

// console is what the admin console is fetched by. It is not of the API: its
// answers are files.
var console = []Route{
	{"GET", "/console", "console", Anybody},
	{"GET", "/console/{proxy+}", "console", Anybody},
}

// api is the API without its preflights. template.yaml has one event for each route
// there is, and for each of the console's.
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

// preflight returns the route of a path's preflight, which asks for no token.
func preflight(path string) Route { return Route{Preflight, path, "console", Anybody} }

// Routes returns the routes of the API in the order of the table, and behind them
// the preflight of each path.
func Routes() []Route {
	all := slices.Clone(api)
	for i, r := range api {
		first := slices.IndexFunc(api, func(other Route) bool { return other.Path == r.Path })
		if first == i {
			all = append(all, preflight(r.Path))
		}
	}
	return all
}

// ConsoleRoutes returns the routes of the console.
func ConsoleRoutes() []Route { return slices.Clone(console) }

// FindRoute returns the route of a method on a path as API Gateway spells it
// (its "resource", with the parameters' names), and whether there is one.
func FindRoute(method, path string) (Route, bool) {
	for _, r := range api {
		switch {
		case r.Path != path:
		case r.Method == method:
			return r, true
		case method == Preflight:
			return preflight(path), true
		}
	}
	for _, r := range console {
		if r.Method == method && r.Path == path {
			return r, true
		}
	}
	return Route{}, false
}

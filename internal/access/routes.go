package access

// A Route is one method of the API on one path, as API Gateway spells it.
type Route struct {
	Method   string
	Path     string // with {client} and {username} as path parameters
	Function string // the folder under functions/ that answers
	Action   Action // Anybody where no token is asked for
}

// routes is the API. template.yaml has one event for each.
var routes = []Route{
	{"POST", "/login", "login", Anybody},
	{"GET", "/health", "query", Anybody},
	{"POST", "/clients/{client}/users/{username}/unlock", "unlock-user", UnlockUsers},
	{"GET", "/clients/{client}/policy", "query", ReadPolicy},
	{"PUT", "/clients/{client}/policy", "update-policy", ChangePolicy},
	{"DELETE", "/clients/{client}/policy", "update-policy", ChangePolicy},
	{"GET", "/clients/{client}/users", "query", ReadUsers},
	{"GET", "/clients/{client}/users/{username}", "query", ReadUsers},
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

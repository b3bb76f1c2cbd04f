package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"text/tabwriter"

	"portcullis/infra/examples"
	"portcullis/internal/access"
)

// greet tells where the server is and who may log in: people a table and
// commands to try, scripts one line of JSON.
func (s *settings) greet(w io.Writer, addr, where string, g guests) {
	if s.json {
		_ = json.NewEncoder(w).Encode(struct {
			Addr  string   `json:"addr"`
			Users []person `json:"users"`
		}{addr, g.people})
		return
	}
	fmt.Fprintf(w, "Portcullis answers on http://%s (stop it with Ctrl-C).\n\n", addr)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "  client\tusername\trole\tpassword\n")
	for _, p := range g.people {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", p.Client, p.Username, p.Role, shown(p.Password))
	}
	_ = table.Flush()
	if slices.ContainsFunc(g.people, func(p person) bool { return p.Password != "" }) {
		fmt.Fprint(w, "\nThe passwords are shown this once.")
	}
	fmt.Fprintf(w, "\n%s\n", where)
	if s.level > slog.LevelInfo && !s.seed {
		fmt.Fprintln(w, `To see every request, start with -log info (with make: ARGS="-log info").`)
	}
	fmt.Fprintf(w, "The admin console, for Sysadmins and Superusers: http://%s%s\n", addr, consoleRoot)
	if s.seed { // another server has no examples
		greetTry(w, addr, g)
		return
	}
	fmt.Fprintf(w, "A portal's login page to look at and to copy: http://%s%s\n", addr, examples.Login)
	greetTry(w, addr, g)
}

// farewell says that the server has stopped as it was told to; a fault speaks
// for itself.
func (s *settings) farewell(w io.Writer, fault error) {
	if fault == nil && !s.json {
		fmt.Fprintln(w, "stopped")
	}
}

// unknownPassword stands for a password that nobody can read back.
const unknownPassword = "(shown when it was made)"

func shown(password string) string {
	if password == "" {
		return unknownPassword
	}
	return password
}

// greetTry prints three commands: a login, a wrong one, and an unlock.
func greetTry(w io.Writer, addr string, g guests) {
	admin, user := withRole(g.people, access.Sysadmin), withRole(g.people, access.Manager)
	const login = "curl -s http://%s/login -H 'Content-Type: application/json' -d '{\"client\":\"%s\",\"username\":\"%s\",\"password\":\"%s\"}'"
	fmt.Fprintf(w, "\nTry a login, a wrong one (%s), and an unlock:\n\n", locks(g.maximum))
	fmt.Fprintf(w, "  "+login+"\n", addr, user.Client, user.Username, tried(user))
	fmt.Fprintf(w, "  "+login+"\n", addr, user.Client, user.Username, "wrong")
	fmt.Fprintf(w, "  curl -s -X POST http://%s/clients/%s/users/%s/unlock -H \"Authorization: Bearer $("+login+" | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\"\n\n",
		addr, user.Client, user.Username, addr, admin.Client, admin.Username, tried(admin))
}

// locks says how many wrong logins lock a user.
func locks(maximum int) string {
	if maximum == 1 {
		return "it locks the user"
	}
	return fmt.Sprintf("%d of them lock the user", maximum)
}

// tried is the password that a command to try has.
func tried(p person) string {
	if p.Password == "" {
		return "PASSWORD"
	}
	return p.Password
}

// withRole returns the first user with a role.
func withRole(people []person, role access.Role) person {
	i := slices.IndexFunc(people, func(p person) bool { return p.Role == role })
	if i < 0 {
		return person{Client: demo, Username: "USERNAME"}
	}
	return people[i]
}

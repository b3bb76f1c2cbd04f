package browser_test

import (
	"testing"

	"portcullis/infra/browser"
)

func TestTheConsoleLetsASysadminInAndOut(t *testing.T) {
	s := browser.Serve(t)
	who := s.With(t, "Sysadmin")
	page := usersPage(t, s.URL, who)
	page.See("ana.silva", "Nobody is locked.")
	if stored := browser.Eval[int](page, `localStorage.length + sessionStorage.length + document.cookie.length`); stored != 0 {
		t.Error("the console has stored something")
	}
	page.Press("Sign out")
	page.See("You have signed out.")
}

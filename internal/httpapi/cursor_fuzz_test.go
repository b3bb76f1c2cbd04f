package httpapi_test

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"portcullis/internal/audit"
	"portcullis/internal/httpapi"
)

// A signpost is a trail without entries that goes on behind one place. It keeps
// where it was asked to begin.
type signpost struct {
	place string
	began *string // nil if it was not asked
}

func (s *signpost) Entries(_ context.Context, q audit.Query) ([]audit.Entry, string, error) {
	s.began = &q.Before
	return nil, s.place, nil
}

// FuzzCursor looks for a cursor that leads to another place than it was made for,
// and for one that leads anywhere and was not made, for this list, by us.
func FuzzCursor(f *testing.F) {
	w := quietWorld()
	trail := &signpost{}
	get := httpapi.GetAudit(w.edge, trail, w.cursors())
	f.Fuzz(func(t *testing.T, place, tried, username, other string) {
		if place == "" || len(place) > 256 || !isFilter(username) || !isFilter(other) {
			return
		}
		trail.place = place
		ask := func(parameters ...string) answer {
			trail.began = nil
			return w.answered(t, t.Context(), get, with(recorded(t, "audit/all"), parameters...))
		}
		cursor, _ := ask("username", username).fields["next_cursor"].(string)
		if a := ask("username", username, "cursor", cursor); trail.began == nil || *trail.began != place {
			t.Fatalf("the cursor of %q leads elsewhere: %d %s", place, a.StatusCode, a.Body)
		}
		forged := []string{tried, cursor + tried, tried + cursor, strings.Replace(cursor, ".", "."+tried, 1)}
		for _, forged := range forged {
			if forged == cursor {
				continue
			}
			if a := ask("username", username, "cursor", forged); a.StatusCode != 400 || trail.began != nil {
				t.Errorf("%q is taken for a cursor: %d %s", forged, a.StatusCode, a.Body)
			}
		}
		if a := ask("username", other, "cursor", cursor); other != username && (a.StatusCode != 400 || trail.began != nil) {
			t.Errorf("the cursor of %q is taken for one of %q: %d", username, other, a.StatusCode)
		}
	})
}

// isFilter reports whether a list may be filtered by the name.
func isFilter(name string) bool {
	return name != "" && len(name) <= 256 && utf8.ValidString(name) && !strings.ContainsAny(name, "\x00\ufffd")
}

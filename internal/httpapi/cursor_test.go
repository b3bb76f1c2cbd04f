package httpapi_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
	"portcullis/internal/audit"
)

// cursorOf returns the cursor that the answer to an event has.
func cursorOf(t *testing.T, w *world, event events.APIGatewayProxyRequest) string {
	t.Helper()
	a := w.send(t, event)
	cursor, _ := a.fields["next_cursor"].(string)
	if cursor == "" {
		t.Fatalf("got no cursor: %d %s", a.StatusCode, a.Body)
	}
	return cursor
}

// cursorWorld has a trail of several pages.
func cursorWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.trail.entries = manyEntries(40)
	return w
}

func TestACursorIsOfItsOwnListAlone(t *testing.T) {
	w := cursorWorld(t)
	filters := []string{"username", "bela", "action", "authn_login_lock", "limit", "2"}
	cursor := cursorOf(t, w, with(recorded(t, "audit/all"), filters...))
	ofClient := func(client string, event events.APIGatewayProxyRequest) events.APIGatewayProxyRequest {
		event.PathParameters = map[string]string{"client": client}
		return as(event, access.Caller{Client: client, Username: "root", Role: access.Sysadmin})
	}
	for _, test := range []struct {
		name   string
		event  events.APIGatewayProxyRequest
		status int
	}{
		{"the same list", with(recorded(t, "audit/all"), append(filters, "cursor", cursor)...), 200},
		{"with another number of rows",
			with(recorded(t, "audit/all"), "username", "bela", "action", "authn_login_lock", "cursor", cursor), 200},
		{"by another Sysadmin", as(with(recorded(t, "audit/all"), append(filters, "cursor", cursor)...),
			access.Caller{Client: "acme", Username: "rosa", Role: access.Sysadmin}), 200},
		{"of another user", with(recorded(t, "audit/all"), "username", "ana.silva", "action", "authn_login_lock", "cursor", cursor), 400},
		{"with a filter less", with(recorded(t, "audit/all"), "username", "bela", "cursor", cursor), 400},
		{"without filters", with(recorded(t, "audit/all"), "cursor", cursor), 400},
		{"of another client", ofClient("umbrella", with(recorded(t, "audit/all"), append(filters, "cursor", cursor)...)), 400},
		{"with a letter moved from the place to the filter", with(recorded(t, "audit/all"), moved(t, filters, cursor)...), 400},
		{"of another route", with(recorded(t, "users/list"), "cursor", cursorOf(t, w, recordedPage(t))), 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := w.send(t, test.event)
			if a.StatusCode != test.status {
				t.Errorf("got %d %s, want %d", a.StatusCode, a.Body, test.status)
			}
			if test.status == 400 && strings.Join(refusalOf(a).fields, " ") != "cursor" {
				t.Errorf("got %s, want it to blame the cursor", a.Body)
			}
		})
	}
}

// moved takes the first letter of a cursor's place, and writes it behind the
// filter that was signed before the place.
func moved(t *testing.T, filters []string, cursor string) []string {
	t.Helper()
	place, signature, _ := strings.Cut(cursor, ".")
	raw, err := base64.RawURLEncoding.DecodeString(place)
	if err != nil {
		t.Fatal(err)
	}
	filters = slices.Clone(filters)
	filters[1] += string(raw[:1])
	return append(filters, "cursor", base64.RawURLEncoding.EncodeToString(raw[1:])+"."+signature)
}

// recordedPage reads the first page of the trail, without filters.
func recordedPage(t *testing.T) events.APIGatewayProxyRequest {
	t.Helper()
	return with(recorded(t, "audit/all"), "limit", "2")
}

func TestAForgedCursorIsRefused(t *testing.T) {
	w := cursorWorld(t)
	cursor := cursorOf(t, w, recordedPage(t))
	place, signature, _ := strings.Cut(cursor, ".")
	encoded := base64.RawURLEncoding.EncodeToString
	for name, forged := range map[string]string{
		"cut off by one":                    cursor[:len(cursor)-1],
		"cut off at the dot":                place + ".",
		"without a signature":               place,
		"without a place":                   "." + signature,
		"with another place":                encoded([]byte("01035")) + "." + signature,
		"with another signature":            place + "." + encoded([]byte("sixteen of bytes")),
		"with a signature of no bytes more": cursor + "AA",
		"with a part more":                  cursor + ".AA",
		"with padding":                      cursor + "=",
		"in the other alphabet of base64":   place + ".+" + signature[1:],
		"with a line break":                 place + "\n." + signature,
		"over-long":                         strings.Repeat("A", 600) + "." + signature,
		"with bits left over":               place + "." + signature[:len(signature)-1] + "_",
	} {
		t.Run(name, func(t *testing.T) {
			a := w.send(t, with(recordedPage(t), "limit", "2", "cursor", forged))
			if a.StatusCode != 400 || strings.Join(refusalOf(a).fields, " ") != "cursor" {
				t.Errorf("got %d %s, want it to blame the cursor", a.StatusCode, a.Body)
			}
		})
	}
	w.cursorKey = "another key of thirty-two bytes or more"
	if a := w.send(t, with(recordedPage(t), "cursor", cursor)); a.StatusCode != 400 {
		t.Errorf("under another key: got %d %s", a.StatusCode, a.Body)
	}
}

// A process that holds the key from before it was replaced must not refuse the
// cursors of one that began after it.
func TestACursorUnderAKeyThatReplacedOursIsTaken(t *testing.T) {
	w := cursorWorld(t)
	old := w.cursorKey
	w.cursorKey = "another key of thirty-two bytes or more"
	cursor := cursorOf(t, w, recordedPage(t))
	w.cursorKey, w.newerKey = old, w.cursorKey
	if a := w.send(t, with(recordedPage(t), "cursor", cursor)); a.StatusCode != 200 {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	if a := w.send(t, with(recordedPage(t), "username", "bela", "cursor", cursor)); a.StatusCode != 400 {
		t.Errorf("of another list: got %d %s", a.StatusCode, a.Body)
	}
}

func TestACursorWithoutAKeyIsUnavailable(t *testing.T) {
	w := cursorWorld(t)
	cursor := cursorOf(t, w, recordedPage(t))
	w.keyErr = errOutage
	for name, test := range map[string]struct {
		event  events.APIGatewayProxyRequest
		status int
	}{
		"to sign one":                    {recordedPage(t), 503},
		"to check one":                   {with(recordedPage(t), "cursor", cursor), 503},
		"to refuse what is none":         {with(recordedPage(t), "cursor", "none"), 400},
		"to refuse another parameter":    {with(recordedPage(t), "cursor", cursor, "limit", "0"), 400},
		"to show the policy, say":        {recorded(t, "policy/get"), 200},
		"to show a list that ends there": {recorded(t, "users/list"), 200},
	} {
		t.Run(name, func(t *testing.T) {
			if a := w.send(t, test.event); a.StatusCode != test.status {
				t.Errorf("got %d %s, want %d", a.StatusCode, a.Body, test.status)
			}
		})
	}
	w.trail.entries = []audit.Entry{}
	if a := w.send(t, recordedPage(t)); a.StatusCode != 200 {
		t.Errorf("a trail of one page: got %d %s", a.StatusCode, a.Body)
	}
}

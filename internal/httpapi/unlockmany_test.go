package httpapi_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// A row is what became of one user.
type row = map[string]any

func rowsOf(a answer) []row {
	var rows []row
	results, _ := a.fields["results"].([]any)
	for _, one := range results {
		rows = append(rows, one.(row))
	}
	return rows
}

// oneOfEach is a world for the recorded event of that name.
func oneOfEach(t *testing.T) *world {
	t.Helper()
	w := lockedWorld(t)
	w.people = someone("ana.silva", "ben", "root")
	return w
}

func TestManyAreUnlockedInTheOrderOfTheRequest(t *testing.T) {
	w := oneOfEach(t)
	a := w.send(t, recorded(t, "unlocks/one-of-each"))
	want := []row{
		{"username": "ana.silva", "outcome": "unlocked"},
		{"username": "ben", "outcome": "not_locked"},
		{"username": "nobody", "outcome": "not_found"},
		{"username": "a/b", "outcome": "not_found"},
		{"username": "root", "outcome": "failed", "problem": "forbidden"},
	}
	if diff := cmp.Diff(rowsOf(a), want); a.StatusCode != 200 || diff != "" {
		t.Errorf("status %d, rows (-got +want):\n%s", a.StatusCode, diff)
	}
	if w.isLocked(t) {
		t.Error("the user is locked still")
	}
	entries := map[string]lockout.Event{}
	for _, entry := range w.attempts.Events() {
		entries[entry.Key.Username()] = entry
	}
	got := entries["ana.silva"]
	if len(entries) != 2 || got.Actor != "acme/root" || got.Reason != "the portal sent an old password" ||
		got.IdentityConfirmedBy != "call-back" || got.SourceIP != "203.0.113.9" || got.RequestID == "" || got.LockID != "01LOCK" {
		t.Errorf("audit entries are %+v", entries)
	}
}

func TestEachOfManyHasALogLine(t *testing.T) {
	w := oneOfEach(t)
	w.send(t, recorded(t, "unlocks/one-of-each"))
	got := map[string]string{}
	for _, line := range w.log.lines(t) {
		if line["actor"] != "acme/root" || line["request_id"] == "" || line["client"] != "acme" {
			t.Errorf("logged as %v", line)
		}
		got[line["username"].(string)] = fmt.Sprint(line["level"], " ", line["msg"], " ", line["outcome"])
	}
	want := map[string]string{
		"ana.silva": "INFO authn_login_unlock ok", "ben": "INFO authn_login_unlock ok", "nobody": "WARN request not-found",
		"a/b": "WARN request not-found", "root": "WARN authz_fail forbidden", "": "INFO request ok",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("lines (-got +want):\n%s", diff)
	}
}

// TestARowNamesTheUserAsTheRequestDid, whichever spelling of their name that is.
func TestARowNamesTheUserAsTheRequestDid(t *testing.T) {
	w := lockedWorld(t)
	w.people = someone("ana.silva", "rúte")
	got := rowsOf(w.send(t, recorded(t, "unlocks/another-spelling")))
	want := []row{{"username": "ru\u0301te", "outcome": "not_locked"}, {"username": "\uff41na.silva", "outcome": "unlocked"}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("rows (-got +want):\n%s", diff)
	}
	got = rowsOf(lockedWorld(t).send(t, recorded(t, "unlocks/names-that-differ-in-case")))
	want = []row{{"username": "ana.silva", "outcome": "unlocked"}, {"username": "Ana.Silva", "outcome": "not_found"}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("rows of names that differ in case (-got +want):\n%s", diff)
	}
}

func TestAHundredAreUnlocked(t *testing.T) {
	w := newWorld(t)
	w.people = crowd(100)
	for i := range 100 {
		w.attempts.Set(key("acme", fmt.Sprintf("u%04d", i)), aLock())
	}
	rows := rowsOf(w.send(t, recorded(t, "unlocks/a-hundred")))
	for i, got := range rows {
		if diff := cmp.Diff(got, row{"username": fmt.Sprintf("u%04d", i), "outcome": "unlocked"}); diff != "" {
			t.Errorf("row %d (-got +want):\n%s", i, diff)
		}
	}
	if len(rows) != 100 || len(w.attempts.Events()) != 100 {
		t.Errorf("%d rows and %d entries", len(rows), len(w.attempts.Events()))
	}
}

// TestAnOutageFailsTheRowsItHits has one call of the store fail, whichever.
func TestAnOutageFailsTheRowsItHits(t *testing.T) {
	w := newWorld(t)
	w.people = crowd(100)
	w.gate.Attempts = &lockouttest.Faulty{Attempts: w.attempts, FailAt: 17, Fault: lockouttest.FaultBefore}
	failed := 0
	for _, one := range rowsOf(w.send(t, recorded(t, "unlocks/a-hundred"))) {
		if one["outcome"] == "failed" && one["problem"] == "unavailable" {
			failed++
		} else if one["outcome"] != "not_locked" {
			t.Errorf("row %v", one)
		}
	}
	if failed != 1 {
		t.Errorf("%d rows failed, want 1", failed)
	}
}

func TestAnUnlockThatPanicsFailsItsRowAlone(t *testing.T) {
	w := newWorld(t)
	w.people = someone("ana.silva", "Ana.Silva")
	w.people.panics = "Ana.Silva"
	got := rowsOf(w.send(t, recorded(t, "unlocks/names-that-differ-in-case")))
	want := []row{
		{"username": "ana.silva", "outcome": "not_locked"},
		{"username": "Ana.Silva", "outcome": "failed", "problem": "internal"},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("rows (-got +want):\n%s", diff)
	}
}

// slowUsers take a second each, or until they are told to stop.
type slowUsers struct{ asked atomic.Int64 }

func (s *slowUsers) Exists(ctx context.Context, _ lockout.Key) (bool, error) {
	s.asked.Add(1)
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// TestWhatThereIsNoTimeForFails unlocks eight users a second, on a clock of its
// own, and has three and a half seconds.
func TestWhatThereIsNoTimeForFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		unlocker := &lockout.Unlocker{
			Attempts: w.attempts, Maximums: lockouttest.FixedMaximum(5), Now: time.Now, NewID: lockouttest.IDs(),
		}
		began, people := time.Now(), &slowUsers{}
		a := w.answered(t, ctx, httpapi.UnlockMany(w.edge, unlocker, people), recorded(t, "unlocks/a-hundred"))
		if took := time.Since(began); took != 3500*time.Millisecond || a.StatusCode != 200 {
			t.Errorf("got %d after %v", a.StatusCode, took)
		}
		if got := people.asked.Load(); got != 32 {
			t.Errorf("asked for %d users, want 32: 24 in three seconds, and the eight whose time ran out", got)
		}
		for i, got := range rowsOf(a) {
			want := row{"username": fmt.Sprintf("u%04d", i), "outcome": "not_locked"}
			if i >= 24 {
				want["outcome"], want["problem"] = "failed", "unavailable"
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("row %d (-got +want):\n%s", i, diff)
			}
		}
	})
}

func TestABadBulkUnlockIsRefused(t *testing.T) {
	names, reason := wrongField("usernames"), wrongField("reason")
	refuses(t, "unlocks/refused", map[string]aRefusal{
		"no-names": names, "no-field": names, "null-names": names, "names-of-the-wrong-type": names,
		"a-number-among-the-names": names, "null-among-the-names": names, "a-list-among-the-names": names,
		"a-hundred-and-one-names": names, "empty-name": names, "over-long-name": names, "repeated-name": names,
		"repeated-name-in-another-spelling": names, "repeated-full-width-name": names,
		"repeated-name-that-nobody-can-have": names, "duplicate-field": names,
		"empty-reason": reason, "over-long-reason": reason, "reason-with-control-characters": reason,
		"unknown-field": wrongField("lock_id"), "query-parameter": wrongField("force"),
		"no-body": notJSON, "not-JSON": notJSON, "wrong-content-type": unsupported, "9-KiB-body": tooLarge,
	}, staysLocked)
}

func TestOnlyASysadminUnlocksMany(t *testing.T) {
	for _, role := range []access.Role{access.Superuser, access.Manager, access.ITUser} {
		w := oneOfEach(t)
		a := w.send(t, as(recorded(t, "unlocks/one-of-each"), access.Caller{Client: "acme", Username: "sue", Role: role}))
		if a.StatusCode != 403 {
			t.Errorf("%s: got %d %s", role, a.StatusCode, a.Body)
		}
		staysLocked(t, w)
	}
}

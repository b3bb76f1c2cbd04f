package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis/internal/embedded"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// What a power cut may leave of a commit is told in sectors: a disk writes each
// whole or not at all.
const sector = 512

// firstData is the first page after the two that say which commit is the last.
const firstData = 2

// cutStep is between two lengths that are tried.
const cutStep = 3 * sector

// tornUsers have failed once each when the power goes.
const tornUsers = 60

func name(i int) string { return fmt.Sprintf("user%02d", i) }

// failEach fails one login of each user.
func failEach(t *testing.T, s *embedded.Store) {
	t.Helper()
	g := gate(s, lockouttest.NewClock(at()), lockouttest.IDs())
	for i := range tornUsers {
		attempt(t, g, userKey(t, name(i)), "wrong")
	}
}

// lastCommit returns the file before and after one more failure of a user.
func lastCommit(t *testing.T, who string) (before, after []byte) {
	t.Helper()
	dir := folder(t)
	s := open(t, dir, at)
	failEach(t, s)
	key := userKey(t, who)
	apply(t, s, key, lockout.Charge{AttemptID: "last", Maximum: 5, At: at()})
	before = content(t, dir)
	apply(t, s, key, lockout.Fail{Maximum: 5, Evidence: lockout.Evidence{AttemptID: "last", At: at()}})
	after = content(t, dir)
	closeStore(t, s)
	return before, after
}

func apply(t *testing.T, s *embedded.Store, key lockout.Key, change lockout.Transition) {
	t.Helper()
	if result, err := s.Attempts.Apply(context.Background(), key, change); err != nil || result.Outcome != lockout.Applied {
		t.Fatalf("got %s, %v", result.Outcome, err)
	}
}

func content(t *testing.T, dir string) []byte {
	t.Helper()
	whole, err := os.ReadFile(filepath.Join(dir, "portcullis.db"))
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// opened opens a folder with a file that the test made. The caller closes it.
func opened(t *testing.T, file []byte) (*embedded.Store, string, error) {
	t.Helper()
	dir := folder(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	overwrite(t, filepath.Join(dir, "portcullis.db"), string(file))
	s, err := embedded.Open(dir, options(time.Now))
	return s, dir, err
}

// TestAPowerCutInACommitLeavesWhatWasThereBefore writes a part of the last
// commit's sectors over the file before it, in the order in which they are put on
// the disk, and in the reverse one: without the commit's last page, which the disk
// has only when it has all others, what was there before is there.
func TestAPowerCutInACommitLeavesWhatWasThereBefore(t *testing.T) {
	before, after := lastCommit(t, name(7))
	torn := differing(before, after)
	if len(torn) < 4 {
		t.Fatalf("the commits differ in %d sectors: nothing is torn", len(torn))
	}
	data := slices.DeleteFunc(slices.Clone(torn), func(at int) bool { return at < firstData*os.Getpagesize()/sector })
	cuts := 0
	for _, order := range [][]int{data, reversed(data)} {
		for written := range len(order) + 1 {
			file := slices.Clone(before)
			for _, at := range order[:written] {
				file = overlay(file, after, at)
			}
			s, _, err := opened(t, file)
			if err != nil {
				t.Errorf("with %d of %d sectors: %v", written, len(order), err)
				continue
			}
			if lost := lostFailures(t, s); len(lost) > 0 {
				t.Errorf("with %d of %d sectors: %v", written, len(order), lost)
			}
			closeStore(t, s)
			cuts++
		}
	}
	t.Logf("%d power cuts in a commit of %d sectors", cuts, len(torn))
}

func reversed(order []int) []int {
	other := slices.Clone(order)
	slices.Reverse(other)
	return other
}

// differing returns the numbers of the sectors that differ.
func differing(before, after []byte) (torn []int) {
	for at := 0; at*sector < len(after); at++ {
		if string(part(before, at)) != string(part(after, at)) {
			torn = append(torn, at)
		}
	}
	return torn
}

func part(file []byte, at int) []byte {
	from := min(at*sector, len(file))
	return file[from:min(from+sector, len(file))]
}

func overlay(file, from []byte, at int) []byte {
	if missing := (at+1)*sector - len(file); missing > 0 {
		file = append(file, make([]byte, missing)...)
	}
	copy(file[at*sector:], part(from, at))
	return file
}

// lostFailures returns who has fewer failures than were settled, and is said to.
func lostFailures(t *testing.T, s *embedded.Store) (lost []string) {
	t.Helper()
	for i := range tornUsers {
		record, err := s.Attempts.Read(context.Background(), userKey(t, name(i)))
		if err == nil && record.Failed < 1 {
			lost = append(lost, fmt.Sprintf("%s has %d failures", name(i), record.Failed))
		}
		if err != nil && !errors.Is(err, lockout.ErrUnavailable) {
			lost = append(lost, fmt.Sprintf("%s: %v", name(i), err))
		}
	}
	return lost
}

// TestADamagedPageIsToldAndNotOverlooked spoils each page of a file in several
// ways. The store refuses the folder and says what to do, or never needed the
// page: it never takes a failure for none, nor panics. The first two pages are not
// among them: each tells of one commit, and one that is damaged is what a power cut
// leaves of a commit that nobody was told of.
func TestADamagedPageIsToldAndNotOverlooked(t *testing.T) {
	whole, _ := lastCommit(t, name(7))
	size := os.Getpagesize()
	refused, tried := 0, 0
	for page := firstData; page < len(whole)/size; page++ {
		for how, spoil := range map[string]func(page []byte){
			"is all zeros":             func(p []byte) { clear(p) },
			"is all ones":              func(p []byte) { fill(p, 0xff) },
			"ends in zeros":            func(p []byte) { clear(p[len(p)/2:]) },
			"ends in ones":             func(p []byte) { fill(p[len(p)/2:], 0xff) },
			"has a sector of another":  func(p []byte) { copy(p[sector:], whole[3*size:3*size+sector]) },
			"is another page":          func(p []byte) { copy(p, whole[3*size:4*size]) },
			"begins with what it ends": func(p []byte) { copy(p[:len(p)/2], p[len(p)/2:]) },
		} {
			file := slices.Clone(whole)
			spoil(file[page*size : (page+1)*size])
			tried++
			s, dir, err := opened(t, file)
			if err != nil {
				refused++
				if !errors.Is(err, embedded.ErrDamaged) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "put back a copy") {
					t.Errorf("page %d %s: got %v, want it said what to do", page, how, err)
				}
				continue
			}
			if lost := lostFailures(t, s); len(lost) > 0 {
				t.Errorf("page %d %s, and nobody says so: %v", page, how, lost)
			}
			closeStore(t, s)
		}
	}
	t.Logf("%d damages of %d pages: %d are told when the folder is opened", tried, len(whole)/size, refused)
}

func fill(p []byte, with byte) {
	for i := range p {
		p[i] = with
	}
}

// TestAFileWithoutItsTailIsRefused, or has all that was settled.
func TestAFileWithoutItsTailIsRefused(t *testing.T) {
	whole, _ := lastCommit(t, name(7))
	refused := 0
	for length := 0; length < len(whole); length += cutStep {
		s, dir, err := opened(t, whole[:length])
		switch {
		case length == 0 && err == nil: // as if there had never been one
			closeStore(t, s)
		case err == nil:
			if lost := lostFailures(t, s); len(lost) > 0 {
				t.Errorf("%d bytes of %d, and nobody says so: %v", length, len(whole), lost)
			}
			closeStore(t, s)
		case !errors.Is(err, embedded.ErrDamaged) || !strings.Contains(err.Error(), dir):
			t.Errorf("%d bytes of %d: got %v", length, len(whole), err)
		default:
			refused++
		}
	}
	t.Logf("%d of %d lengths are refused", refused, len(whole)/cutStep)
}

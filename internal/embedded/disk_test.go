package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"portcullis/internal/embedded"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// fullFolder and readOnlyFolder make the test binary a process that fills a disk,
// or that opens a folder it may not write to, since either changes the process for
// good.
const (
	fullFolder     = "PORTCULLIS_TEST_FULL_FOLDER"
	readOnlyFolder = "PORTCULLIS_TEST_READ_ONLY_FOLDER"
)

// The sizes of a disk that is full at once, and of one that takes a few hundred
// users, in bytes.
const (
	noSpace  = 4096
	fewSpace = 256 << 10
)

// mostUsers is more than a disk of that size takes.
const mostUsers = 20_000

// asProcess runs the test binary on a folder, and returns what it says.
func asProcess(t *testing.T, variable, dir string) string {
	t.Helper()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), variable+"="+dir)
	dieWithParent(process)
	said, err := process.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	return string(said)
}

// TestAFullDiskLocksNobody fills the disk under a store that fails logins, and
// gives it room again. A limit of the process on the size of files stands for the
// disk's: the writes fail as they do there.
func TestAFullDiskLocksNobody(t *testing.T) {
	t.Log(asProcess(t, fullFolder, folder(t)))
}

// fullDisk is the process of TestAFullDiskLocksNobody.
func fullDisk(dir string) int {
	signal.Ignore(syscall.SIGXFSZ) // so that a write fails, as on a full disk
	if err := fillDisk(dir); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func fillDisk(dir string) error {
	if err := tooSmall(dir + "-small"); err != nil {
		return err
	}
	if err := limitFiles(fewSpace); err != nil {
		return err
	}
	s, err := embedded.Open(dir, options(time.Now))
	if err != nil {
		return err
	}
	defer s.Close()
	clock := lockouttest.NewClock(at())
	g := gate(s, clock, lockouttest.IDs())
	n, err := failUntilFull(g)
	if err != nil {
		return err
	}
	if err := limitFiles(noSpace); err != nil { // nor for what would fit into the file as it is
		return err
	}
	for range lockout.DefaultMaximum + 1 { // as often as would lock
		if _, err := failUser(g, n); !errors.Is(err, lockout.ErrUnavailable) {
			return fmt.Errorf("with a full disk: got %v, want one that wraps ErrUnavailable", err)
		}
	}
	if err := settled(s, n); err != nil {
		return fmt.Errorf("with a full disk: %w", err)
	}
	if err := limitFiles(1 << 30); err != nil {
		return err
	}
	clock.Advance(time.Minute) // what is in flight is dead by then
	for left := lockout.DefaultMaximum - 1; left >= 0; left-- {
		verdict, err := failUser(g, n)
		if want := left == 0; err != nil || (verdict.Ruling == lockout.Locked) != want {
			return fmt.Errorf("with room again, %d left: got %v, %v", left, verdict.Ruling, err)
		}
	}
	fmt.Printf("the disk was full after %d users\n", n)
	return nil
}

// tooSmall opens a folder on a disk that has no room for it, which is no damage.
func tooSmall(dir string) error {
	if err := limitFiles(noSpace); err != nil {
		return err
	}
	_, err := embedded.Open(dir, options(time.Now))
	if err == nil || errors.Is(err, embedded.ErrDamaged) || !strings.Contains(err.Error(), dir) {
		return fmt.Errorf("without room: got %v, want an error that names the folder and is no damage", err)
	}
	if err := limitFiles(1 << 30); err != nil {
		return err
	}
	s, err := embedded.Open(dir, options(time.Now))
	if err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	return s.Close()
}

// limitFiles bounds the size of files, in bytes.
func limitFiles(size uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = size
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}

// failUntilFull fails one login of one user after another, and returns the first
// for whom there was no room.
func failUntilFull(g *lockout.Gate[users.Credential]) (int, error) {
	for i := range mostUsers {
		_, err := failUser(g, i)
		if errors.Is(err, lockout.ErrUnavailable) {
			return i, nil
		}
		if err != nil {
			return i, err
		}
	}
	return 0, errors.New("the disk took everything")
}

func failUser(g *lockout.Gate[users.Credential], i int) (lockout.Verdict[users.Credential], error) {
	key, err := users.UserKey("acme", fmt.Sprint("user", i))
	if err != nil {
		return lockout.Verdict[users.Credential]{}, err
	}
	return g.Attempt(context.Background(), lockout.Attempt{Key: key, Password: "wrong"})
}

// settled checks that those before the nth have failed once, and that nobody is
// locked.
func settled(s *embedded.Store, n int) error {
	for i := range n + 1 {
		key, err := users.UserKey("acme", fmt.Sprint("user", i))
		if err != nil {
			return err
		}
		record, err := s.Attempts.Read(context.Background(), key)
		if err != nil || record.Locked() || i < n && record.Failed != 1 || i == n && record.Failed != 0 {
			return fmt.Errorf("user %d of %d: %+v, %v", i, n, record, err)
		}
	}
	return nil
}

// nobody is whom the process becomes that may not write.
const nobody = 65534

// TestAFolderThatMayNotBeWrittenIsToldAtTheStart in plain words.
func TestAFolderThatMayNotBeWrittenIsToldAtTheStart(t *testing.T) {
	for what, spoil := range map[string]func(dir string) error{
		"a folder": func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "portcullis.db")), os.Chmod(dir, 0o500))
		},
		"a file":    func(dir string) error { return os.Chmod(filepath.Join(dir, "portcullis.db"), 0o400) },
		"its place": func(dir string) error { return errors.Join(os.RemoveAll(dir), os.Chmod(filepath.Dir(dir), 0o500)) },
	} {
		t.Run(what, func(t *testing.T) {
			place, err := os.MkdirTemp("", "portcullis-") // below which nobody may look
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(place, "data")
			closeStore(t, open(t, dir, time.Now))
			t.Cleanup(func() { _ = errors.Join(os.Chmod(place, 0o700), os.Chmod(dir, 0o700), os.RemoveAll(place)) })
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			if os.Getuid() == 0 { // whom nothing is forbidden
				for _, name := range []string{place, dir, filepath.Join(dir, "portcullis.db")} {
					if err := os.Chown(name, nobody, nobody); err != nil && !errors.Is(err, os.ErrNotExist) {
						t.Fatal(err)
					}
				}
			}
			said := asProcess(t, readOnlyFolder, dir)
			if !strings.Contains(said, "permission denied") || !strings.Contains(said, dir) || strings.Contains(said, "damaged") {
				t.Errorf("got %q, want it said that %s may not be written", said, dir)
			}
		})
	}
}

// openAsNobody is the process that may not write.
func openAsNobody(dir string) int {
	if os.Getuid() == 0 {
		if err := syscall.Setuid(nobody); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	_, err := embedded.Open(dir, options(time.Now))
	fmt.Println(err)
	return 0
}

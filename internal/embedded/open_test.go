package embedded_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"portcullis/internal/access"
	"portcullis/internal/embedded"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

func TestASecondOpenIsRefusedAtOnce(t *testing.T) {
	dir := folder(t)
	s := open(t, dir, time.Now)
	defer closeStore(t, s)
	_, err := embedded.Open(dir, options(time.Now))
	if !errors.Is(err, embedded.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want ErrInUse with the folder's name", err)
	}
}

func TestEverythingIsPrivate(t *testing.T) {
	dir := folder(t)
	closeStore(t, open(t, dir, time.Now))
	want := map[string]os.FileMode{".": 0o700, "portcullis.db": 0o600, "signing-key.pem": 0o600}
	got := map[string]os.FileMode{".": mode(t, dir)}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		got[file.Name()] = mode(t, filepath.Join(dir, file.Name()))
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("modes: got -, want +:\n%s", diff)
	}
}

func TestAFileIsNoDataFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data")
	overwrite(t, file, "hello")
	_, err := embedded.Open(file, options(time.Now))
	if err == nil || !strings.Contains(err.Error(), file+" is a file, not a folder") {
		t.Errorf("got %v, want it said that %s is a file", err, file)
	}
}

func mode(t *testing.T, name string) os.FileMode {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string
	}{
		{"a folder that others can list", permit(".", 0o755), "chmod 700"},
		{"a database that others can read", permit("portcullis.db", 0o640), "chmod 600"},
		{"a signing key that others can read", permit("signing-key.pem", 0o644), "chmod 600"},
		{"a database that is a text", replace("portcullis.db", "hello"), "damaged"},
		{"a database full of zeros", replace("portcullis.db", strings.Repeat("\x00", 1<<16)), "damaged"},
		{"a database that is cut off", cutOff, "damaged"},
		{"a database of another program", foreign, "damaged"},
		{"a database of another format", reformat, `format is "9"`},
		{"a signing key that is a text", replace("signing-key.pem", "hello"), "damaged"},
		{"a signing key on another curve", keyOf(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }), "P-256"},
		{"a signing key that is too short", keyOf(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 1024) }), "2048 bits"},
		{"a signing key that is a folder", keyFolder, "not a regular file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := withKey(t)
			test.spoil(t, dir)
			s, err := embedded.Open(dir, options(time.Now))
			if err == nil {
				closeStore(t, s)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want an error with %q and the folder's name", err, test.want)
			}
		})
	}
}

// withKey returns a folder with all its files.
func withKey(t *testing.T) string {
	t.Helper()
	dir := folder(t)
	closeStore(t, open(t, dir, time.Now))
	return dir
}

func TestAFolderWithoutAListOfLockedUsersGetsOne(t *testing.T) {
	dir := folder(t)
	s := open(t, dir, at)
	add(t, s, access.User{Client: "acme", Username: "ana", CreatedAt: at()}, "correct horse 1")
	g := gate(s, lockouttest.NewClock(at()), lockouttest.IDs())
	for range lockout.DefaultMaximum {
		attempt(t, g, userKey(t, "ana"), "wrong")
		attempt(t, g, userKey(t, "nobody"), "wrong")
	}
	closeStore(t, s)
	edit(t, dir, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("locked")) })

	s = open(t, dir, at)
	defer closeStore(t, s)
	got, more, err := s.Attempts.Locked(context.Background(), "acme", "", 10)
	if diff := cmp.Diff(got, []string{"ana"}); diff != "" || more || err != nil {
		t.Errorf("more %v, error %v; locked (-got +want):\n%s", more, err, diff)
	}
}

func permit(name string, mode os.FileMode) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
}

func replace(name, content string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, name), content) }
}

func overwrite(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func cutOff(t *testing.T, dir string) {
	name := filepath.Join(dir, "portcullis.db")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, name, string(whole[:2*os.Getpagesize()+100]))
}

func keyFolder(t *testing.T, dir string) {
	name := filepath.Join(dir, "signing-key.pem")
	if err := errors.Join(os.Remove(name), os.Mkdir(name, 0o700)); err != nil {
		t.Fatal(err)
	}
}

// keyOf puts another signing key into the folder.
func keyOf(generate func() (crypto.Signer, error)) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		key, err := generate()
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		overwrite(t, filepath.Join(dir, "signing-key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	}
}

func foreign(t *testing.T, dir string) {
	if err := os.Remove(filepath.Join(dir, "portcullis.db")); err != nil {
		t.Fatal(err)
	}
	edit(t, dir, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("cats"))
		return err
	})
}

func reformat(t *testing.T, dir string) {
	edit(t, dir, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("9"))
	})
}

func edit(t *testing.T, dir string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, "portcullis.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
}

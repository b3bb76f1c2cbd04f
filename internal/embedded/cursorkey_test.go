package embedded_test

import (
	"bytes"
	"testing"
	"time"

	"portcullis/internal/embedded"
)

func TestTheKeyOfTheCursorsIsTheFoldersOwn(t *testing.T) {
	dir := folder(t)
	var keys [][]byte
	for _, dir := range []string{dir, dir, folder(t)} { // the first is opened again
		s := open(t, dir, time.Now)
		keys = append(keys, cursorKey(t, s))
		closeStore(t, s)
	}
	if len(keys[0]) != 32 || !bytes.Equal(keys[0], keys[1]) || bytes.Equal(keys[0], keys[2]) {
		t.Errorf("got the keys %x, want 32 bytes, the same for the same folder and no other", keys)
	}
}

func cursorKey(t *testing.T, s *embedded.Store) []byte {
	t.Helper()
	key, err := s.CursorKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

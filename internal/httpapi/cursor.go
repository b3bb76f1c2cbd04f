package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Cursors makes the cursors of lists, and reads them back. A cursor is the place
// where a page begins, signed together with what it is a page of: nobody can
// make one up, or take one to another list, client or filter.
type Cursors struct {
	// Keys is asked for the key of the signatures whenever there is a cursor.
	Keys CursorKeys
}

// CursorKeys holds the key of the cursors' signatures, 32 bytes or more. It may be
// replaced at any time; the cursors under way are no longer ours then.
type CursorKeys interface {
	// Get returns the key. Its errors wrap [lockout.ErrUnavailable].
	Get(ctx context.Context) ([]byte, error)
	// Newer returns the key that replaced one which did not sign a cursor, or that
	// one itself if there is none other. Whoever makes up cursors comes here each
	// time, so it MUST bound how often it looks.
	Newer(ctx context.Context, refused []byte) []byte
}

const (
	// cursorLabel keeps these signatures apart from others under the same key.
	cursorLabel = "portcullis cursor v1"
	// signatureBytes is half of HMAC-SHA256's, the least that RFC 2104, section
	// 5, keeps of one.
	signatureBytes = sha256.Size / 2
	// maxCursor is more than any of ours: a username of 256 bytes in base64, a
	// dot and a signature are 365.
	maxCursor = 512
)

var cursorEncoding = base64.RawURLEncoding.Strict()

// A list is what a cursor is of: a route of a client, with the filters as the
// caller wrote them.
type list struct {
	route, client string
	filters       map[string]string
}

// listOf returns the list that a request reads a page of. How many rows a page
// has may change from one to the next.
func listOf[B body](route string, r *request[B]) list {
	filters := maps.Clone(r.Query)
	delete(filters, "limit")
	delete(filters, "cursor")
	return list{route, r.Client, filters}
}

// after makes the cursor of the page behind a place, which is empty where the
// list ends.
func (c Cursors) after(ctx context.Context, l list, place string) (string, error) {
	if place == "" {
		return "", nil
	}
	key, err := c.Keys.Get(ctx)
	if err != nil {
		return "", fmt.Errorf("signing a cursor: %w", err)
	}
	return cursorEncoding.EncodeToString([]byte(place)) + "." + cursorEncoding.EncodeToString(l.sign(key, place)), nil
}

// place returns the place behind which the page of a query begins, empty where
// there is no cursor. A process that holds a key from before it was replaced
// learns of it here, from a cursor that another one signed.
func (c Cursors) place(ctx context.Context, l list, query map[string]string) (string, error) {
	cursor, given := query["cursor"]
	if !given {
		return "", nil
	}
	bad := invalid([]fault{{"cursor", "is not one of ours, or of another list"}})
	place, signature, ok := takeApart(cursor)
	if !ok {
		return "", bad
	}
	key, err := c.Keys.Get(ctx)
	if err != nil {
		return "", fmt.Errorf("checking a cursor: %w", err)
	}
	if !l.signed(key, place, signature) && !l.signed(c.Keys.Newer(ctx, key), place, signature) {
		return "", bad
	}
	return place, nil
}

// takeApart reads what looks like a cursor. The decoder would let line breaks
// pass, which no cursor has.
func takeApart(cursor string) (place string, signature []byte, ok bool) {
	before, behind, _ := strings.Cut(cursor, ".")
	raw, placeErr := cursorEncoding.DecodeString(before)
	signature, signatureErr := cursorEncoding.DecodeString(behind)
	ok = len(cursor) <= maxCursor && !strings.ContainsAny(cursor, "\r\n") &&
		placeErr == nil && signatureErr == nil && len(raw) > 0 && len(signature) == signatureBytes
	return string(raw), signature, ok
}

// signed reports whether the signature is the key's.
func (l list) signed(key []byte, place string, signature []byte) bool {
	return hmac.Equal(signature, l.sign(key, place))
}

// sign returns the signature of a place in the list. Each part is written with
// its length, so that no two lists read the same.
func (l list) sign(key []byte, place string) []byte {
	parts := []string{cursorLabel, l.route, l.client}
	for _, name := range slices.Sorted(maps.Keys(l.filters)) {
		parts = append(parts, name, l.filters[name])
	}
	mac := hmac.New(sha256.New, key)
	for _, part := range append(parts, place) {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)[:signatureBytes]
}

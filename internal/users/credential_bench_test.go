package users_test

import (
	"testing"

	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// BenchmarkKey makes the key of a name, in its one spelling.
func BenchmarkKey(b *testing.B) {
	makers := map[string]func(client, username string) (lockout.Key, error){"login": users.LoginKey, "user": users.UserKey}
	for _, test := range []struct{ maker, name, username string }{
		{"login", "ASCII", "ana.silva"},
		{"login", "Unicode", "anã.sílva"},
		{"login", "full-width letters", "ａｎａ.ｓｉｌｖａ"},
		{"user", "ASCII", "ana.silva"},
		{"user", "Unicode", "anã.sílva"},
	} {
		b.Run(test.maker+"/"+test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := makers[test.maker]("acme", test.username); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParse reads a PHC string, as each comparison and each look at an
// outdated hash does.
func BenchmarkParse(b *testing.B) {
	h := newHasher(cheap)
	phc, err := h.Hash(b.Context(), "correct horse 1")
	if err != nil {
		b.Fatal(err)
	}
	c := credential(h, phc)
	b.ReportAllocs()
	for b.Loop() {
		if c.Outdated() {
			b.Fatal("got an outdated hash")
		}
	}
}

// BenchmarkCompare compares with a hash of 8 KiB and one pass, which costs next
// to nothing: what is left is what a login pays beside its hash.
func BenchmarkCompare(b *testing.B) {
	h := newHasher(cheap)
	phc, err := h.Hash(b.Context(), "correct horse 1")
	if err != nil {
		b.Fatal(err)
	}
	for _, test := range []struct {
		name       string
		credential users.Credential
		password   string
		want       bool
	}{
		{"right", credential(h, phc), "correct horse 1", true},
		{"wrong", credential(h, phc), "correct horse 2", false},
		{"unknown", users.UnknownCredential(h), "correct horse 1", false},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := test.credential.Compare(b.Context(), test.password); err != nil || got != test.want {
					b.Fatalf("got %v, %v; want %v", got, err, test.want)
				}
			}
		})
	}
}

package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"portcullis/infra/matrix"
	"portcullis/internal/embedded"
)

// A verdict is what is to become of a token.
type verdict int

const (
	accepted  verdict = iota
	refused           // it is no token of ours: 401
	powerless         // it is one, of somebody without a role: 403
	outdated          // it was one, until its owner was changed: 401 where it would have been let in
)

// A fault is a way in which a token can be bad, or good after all.
type fault struct {
	name    string
	verdict verdict
	token   func(role string) string
	send    func(r *http.Request, token string) // nil for the ordinary header
}

// The beginnings of the names of users who are changed while their tokens are out.
const (
	demoted   = "demoted-"
	deleted   = "deleted-"
	newPassed = "new-password-"
)

const inTheQuery = "the token in the query alone"

// A forger makes tokens, with the server's own key and with another, without any
// library for tokens. It also serves keys of its own, and counts who asks.
type forger struct {
	ours, theirs *ecdsa.PrivateKey
	kid          string
	keys         *httptest.Server
	asked        atomic.Int32
}

func newForger(t *testing.T, file string) *forger {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{ours: parsed.(*ecdsa.PrivateKey), theirs: theirs}
	thumbprint, err := (&jose.JSONWebKey{Key: f.ours.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	f.kid = base64.RawURLEncoding.EncodeToString(thumbprint)
	f.keys = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		f.asked.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{f.jwk(f.kid)}})
	}))
	t.Cleanup(f.keys.Close)
	return f
}

// jwk is the other key, under an id.
func (f *forger) jwk(kid string) map[string]any {
	point := must(f.theirs.PublicKey.Bytes()) // 4, X, Y: SEC 1, 2.3.3
	return map[string]any{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
		"x": base64.RawURLEncoding.EncodeToString(point[1:33]),
		"y": base64.RawURLEncoding.EncodeToString(point[33:]),
	}
}

// claims are those of a good token, which was issued ten minutes ago.
func claims(username, role string) map[string]any {
	issued := time.Now().Add(-10 * time.Minute).Unix()
	all := map[string]any{
		"iss": embedded.Issuer, "sub": "0b5d", "token_use": "access", "client_id": embedded.ClientID,
		"username": demo + "/" + username, "jti": "1", "auth_time": issued, "iat": issued, "exp": time.Now().Add(time.Hour).Unix(),
	}
	if role != matrix.Nobody {
		all["cognito:groups"] = []string{role}
	}
	return all
}

func (f *forger) header(changes map[string]any) map[string]any {
	h := map[string]any{"alg": "ES256", "kid": f.kid, "typ": "JWT"}
	maps.Copy(h, changes)
	return h
}

func segment(v any) string {
	text, ok := v.([]byte)
	if !ok {
		var err error
		if text, err = json.Marshal(v); err != nil {
			panic(err)
		}
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// sign signs with ES256, whatever the header says: r and s of 32 bytes each (RFC
// 7518, 3.4).
func (f *forger) sign(key *ecdsa.PrivateKey, header, payload any) string {
	text := segment(header) + "." + segment(payload)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// signRSA signs with RS256, by a key that nobody knows.
func (f *forger) signRSA(header, payload any) string {
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	text := segment(header) + "." + segment(payload)
	sum := sha256.Sum256([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(must(rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])))
}

// mac signs with HS256 under what anybody may know: the public key.
func (f *forger) mac(secret []byte, payload any) string {
	text := segment(f.header(map[string]any{"alg": "HS256"})) + "." + segment(payload)
	sum := hmac.New(sha256.New, secret)
	sum.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}

// good is the token of the caller of a role.
func (f *forger) good(role string) string {
	return f.sign(f.ours, f.header(nil), claims("caller-"+role, role))
}

// faults returns every way. Those who are changed, are changed here.
func (e *estate) faults(t *testing.T) []fault {
	t.Helper()
	f := e.forger
	all := append(f.carriers(), f.signatures()...)
	all = append(all, f.headers()...)
	all = append(all, f.contents()...)
	all = append(all, e.changed(t)...)
	for i, one := range all { // made once for each role
		made := map[string]string{}
		all[i].token = func(role string) string {
			if _, ok := made[role]; !ok {
				made[role] = one.token(role)
			}
			return made[role]
		}
	}
	return all
}

// carriers differ in how the token travels.
func (f *forger) carriers() []fault {
	header := func(form string) func(*http.Request, string) {
		return func(r *http.Request, token string) {
			r.Header.Set("Authorization", strings.ReplaceAll(form, "TOKEN", token))
		}
	}
	return []fault{
		{"a good token", accepted, f.good, nil},
		{"the scheme in lower case", accepted, f.good, header("bearer TOKEN")},
		{"no token", refused, func(string) string { return "" }, func(*http.Request, string) {}},
		{"an empty header", refused, func(string) string { return "" }, header("")},
		{"another scheme", refused, f.good, header("Basic TOKEN")},
		{"no scheme", refused, f.good, header("TOKEN")},
		{"the scheme alone", refused, f.good, header("Bearer")},
		{"two tokens in a header", refused, f.good, header("Bearer TOKEN TOKEN")},
		{"two headers", refused, f.good, func(r *http.Request, token string) {
			r.Header["Authorization"] = []string{"Bearer " + token, "Bearer " + token}
		}},
		{"a bad header before the good one", refused, f.good, func(r *http.Request, token string) {
			r.Header["Authorization"] = []string{"Bearer x", "Bearer " + token}
		}},
		{"another header", refused, f.good, func(r *http.Request, token string) { r.Header.Set("X-Authorization", "Bearer "+token) }},
		{"a cookie", refused, f.good, func(r *http.Request, token string) { r.Header.Set("Cookie", "access_token="+token) }},
	}
}

// signatures are not ours.
func (f *forger) signatures() []fault {
	of := func(role string) map[string]any { return claims("caller-"+role, role) }
	point := must(f.ours.PublicKey.Bytes())
	spki, _ := x509.MarshalPKIXPublicKey(&f.ours.PublicKey)
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	return []fault{
		{"garbage", refused, func(string) string { return "garbage" }, nil},
		{"garbage in three parts", refused, func(string) string { return "a.b.c" }, nil},
		{"alg none", refused, func(r string) string {
			return segment(f.header(map[string]any{"alg": "none"})) + "." + segment(of(r)) + "."
		}, nil},
		{"alg NoNe and a signature", refused, func(r string) string {
			return f.sign(f.ours, f.header(map[string]any{"alg": "NoNe"}), of(r))
		}, nil},
		{"HS256 under the public key's point", refused, func(r string) string { return f.mac(point, of(r)) }, nil},
		{"HS256 under the public key in SPKI", refused, func(r string) string { return f.mac(spki, of(r)) }, nil},
		{"HS256 under the public key in PEM", refused, func(r string) string { return f.mac(asPEM, of(r)) }, nil},
		{"HS256 under nothing", refused, func(r string) string { return f.mac(nil, of(r)) }, nil},
		{"RS256 under our key's id, by a key of their own", refused, func(r string) string { return f.signRSA(f.header(map[string]any{"alg": "RS256"}), of(r)) }, nil},
		{"RS256 in the header over a good signature of ours", refused, func(r string) string {
			return f.sign(f.ours, f.header(map[string]any{"alg": "RS256"}), of(r))
		}, nil},
		{"another pool's key under our key's id", refused, func(r string) string { return f.sign(f.theirs, f.header(nil), of(r)) }, nil},
		{"another pool's key under its own id", refused, func(r string) string {
			return f.sign(f.theirs, f.header(map[string]any{"kid": "theirs"}), of(r))
		}, nil},
		{"a signature that is cut off", refused, func(r string) string { token := f.good(r); return token[:len(token)-4] }, nil},
		{"no signature", refused, func(r string) string { token := f.good(r); return token[:strings.LastIndex(token, ".")+1] }, nil},
		{"two parts", refused, func(r string) string { token := f.good(r); return token[:strings.LastIndex(token, ".")] }, nil},
		{"the signature of other claims", refused, func(r string) string {
			parts := strings.Split(f.good(r), ".")
			return parts[0] + "." + segment(claims("caller-Sysadmin", matrix.Sysadmin)) + ".AAAA" + parts[2]
		}, nil},
	}
}

// headers try to say which key is to be believed.
func (f *forger) headers() []fault {
	with := func(key *ecdsa.PrivateKey, changes map[string]any) func(string) string {
		return func(r string) string { return f.sign(key, f.header(changes), claims("caller-"+r, r)) }
	}
	without := func(r string) string {
		h := f.header(nil)
		delete(h, "kid")
		return f.sign(f.ours, h, claims("caller-"+r, r))
	}
	return []fault{
		{"no key id", refused, without, nil},
		{"an empty key id", refused, with(f.ours, map[string]any{"kid": ""}), nil},
		{"an unknown key id", refused, with(f.ours, map[string]any{"kid": "k2"}), nil},
		{"a key id that climbs out of a folder", refused, with(f.theirs, map[string]any{"kid": "../../../../dev/null"}), nil},
		{"a key id that is a file", refused, with(f.theirs, map[string]any{"kid": "signing-key.pem"}), nil},
		{"a key id of SQL", refused, with(f.theirs, map[string]any{"kid": f.kid + "' OR '1'='1"}), nil},
		{"a key id with a NUL behind it", refused, with(f.ours, map[string]any{"kid": f.kid + "\x00"}), nil},
		{"a key id that is a list", refused, with(f.ours, map[string]any{"kid": []string{f.kid}}), nil},
		{"a key of its own", refused, with(f.theirs, map[string]any{"jwk": f.jwk(f.kid)}), nil},
		{"an address of keys", refused, with(f.theirs, map[string]any{"jku": f.keys.URL}), nil},
		{"an address of a certificate", refused, with(f.theirs, map[string]any{"x5u": f.keys.URL}), nil},
		{"an address for a key id", refused, with(f.theirs, map[string]any{"kid": f.keys.URL}), nil},
		{"a critical header that nobody knows", refused, with(f.ours, map[string]any{"crit": []string{"sudo"}, "sudo": true}), nil},
	}
}

// contents were signed by us, and are not those of an access token that is good now.
func (f *forger) contents() []fault {
	now := time.Now()
	with := func(change func(map[string]any)) func(string) string {
		return func(role string) string {
			c := claims("caller-"+role, role)
			change(c)
			return f.sign(f.ours, f.header(nil), c)
		}
	}
	set := func(name string, value any) func(string) string {
		return with(func(c map[string]any) { c[name] = value })
	}
	unset := func(name string) func(string) string { return with(func(c map[string]any) { delete(c, name) }) }
	return []fault{
		{"an ID token", refused, with(func(c map[string]any) { c["token_use"], c["aud"] = "id", embedded.ClientID }), nil},
		{"no use", refused, unset("token_use"), nil},
		{"another issuer", refused, set("iss", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_other"), nil},
		{"an issuer that begins as ours", refused, set("iss", embedded.Issuer+"/"), nil},
		{"no issuer", refused, unset("iss"), nil},
		{"another app client", refused, set("client_id", "other"), nil},
		{"our app client as audience alone", refused, with(func(c map[string]any) { delete(c, "client_id"); c["aud"] = embedded.ClientID }), nil},
		{"an expiry a minute ago", refused, set("exp", now.Add(-time.Minute).Unix()), nil},
		{"no expiry", refused, unset("exp"), nil},
		{"an expiry that is text", refused, set("exp", "tomorrow"), nil},
		{"not valid for a while", refused, set("nbf", now.Add(10*time.Minute).Unix()), nil},
		{"issued in the future", refused, set("iat", now.Add(10*time.Minute).Unix()), nil},
		{"no time of issue", refused, unset("iat"), nil},
		{"no username", refused, unset("username"), nil},
		{"a username without a client", refused, set("username", "caller-Sysadmin"), nil},
		{"a username that nobody has", outdated, with(func(c map[string]any) { c["username"] = demo + "/ghost" }), nil},
		{"the user twice", refused, func(role string) string {
			text := bytes.TrimSuffix(must(json.Marshal(claims("caller-"+role, role))), []byte("}"))
			return f.sign(f.ours, f.header(nil), fmt.Appendf(text, `,"username":"%s/caller-Sysadmin"}`, demo))
		}, nil},
		{"the groups twice", refused, func(role string) string {
			text := bytes.TrimSuffix(must(json.Marshal(claims("caller-"+role, matrix.ITUser))), []byte("}"))
			return f.sign(f.ours, f.header(nil), append(text, `,"cognito:groups":["Sysadmin"]}`...))
		}, nil},
		{"claims that are not UTF-8", refused, set("jti", json.RawMessage("\"\xff\"")), nil},
		{"claims that are no object", refused, func(string) string { return f.sign(f.ours, f.header(nil), []string{"a"}) }, nil},
		{"a token of 9 KB", refused, set("padding", strings.Repeat("x", 6<<10)), nil},
		{"a group that is no role", powerless, set("cognito:groups", []string{"Administrators"}), nil},
		{"a role in another case", powerless, set("cognito:groups", []string{"sysadmin"}), nil},
		{"two roles", powerless, set("cognito:groups", []string{matrix.Sysadmin, matrix.ITUser}), nil},
		{"no groups", powerless, unset("cognito:groups"), nil},
	}
}

func must[T any](text T, err error) T {
	if err != nil {
		panic(err)
	}
	return text
}

// changed are tokens that were good until their owners were changed, which is done
// here through the API.
func (e *estate) changed(t *testing.T) []fault {
	t.Helper()
	for _, role := range matrix.Callers() {
		if role == matrix.Nobody {
			continue
		}
		other := matrix.ITUser
		if role == other {
			other = matrix.Manager
		}
		e.change(t, "PUT", demoted+role, "", fmt.Sprintf(`{"role": %q}`, other))
		e.change(t, "PUT", newPassed+role, "/password", `{"password": "another-word-7"}`)
		e.change(t, "DELETE", deleted+role, "", "")
	}
	of := func(begin string) func(string) string {
		return func(role string) string {
			return e.forger.sign(e.forger.ours, e.forger.header(nil), claims(begin+role, role))
		}
	}
	return []fault{
		{"a role that was changed since", outdated, of(demoted), nil},
		{"a password that was changed since", outdated, of(newPassed), nil},
		{"an owner who was deleted since", outdated, of(deleted), nil},
		{"a role that its owner does not have", outdated, func(role string) string {
			owner := "caller-" + matrix.ITUser
			if role == matrix.ITUser {
				owner = "caller-" + matrix.Manager
			}
			return e.forger.sign(e.forger.ours, e.forger.header(nil), claims(owner, role))
		}, nil},
		{inTheQuery, refused, e.forger.good, addQuery},
	}
}

// change changes a user as a Sysadmin, after seeing that the user's token is good.
func (e *estate) change(t *testing.T, method, username, path, body string) {
	t.Helper()
	root := e.forger.good(matrix.Sysadmin)
	role := username[strings.LastIndex(username, "-")+1:]
	before := e.call(t, "GET", "/clients/"+demo+"/users", e.forger.sign(e.forger.ours, e.forger.header(nil), claims(username, role)), "").Status
	if want := map[string]int{matrix.Sysadmin: 200, matrix.Superuser: 200}[role]; before != want && (want != 0 || before != 403) {
		t.Fatalf("the token of %s is not good before the change: %d", username, before)
	}
	if a := e.call(t, method, "/clients/"+demo+"/users/"+username+path, root, body); a.Status >= 300 {
		t.Fatalf("%s %s: %+v", method, username, a)
	}
}

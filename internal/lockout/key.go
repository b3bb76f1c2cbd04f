package lockout

// A Key names one user of one client, and so one budget of attempts. Its
// fields are hidden because a raw string must not become a store key: package
// users makes keys, after RFC 8265 has made one spelling of each name. The
// zero Key names nobody.
type Key struct {
	client, username string
}

// NewKey joins a client and a username that are canonical already. Only
// package users calls it; a test reads every file for other callers. The
// client must hold no slash, so that [Key.String] can be read only one way.
func NewKey(client, username string) Key {
	return Key{client: client, username: username}
}

// Client returns the client's name.
func (k Key) Client() string { return k.client }

// Username returns the user's canonical name within the client.
func (k Key) Username() string { return k.username }

// String returns "client/username", the form in which stores and tokens hold
// the key.
func (k Key) String() string { return k.client + "/" + k.username }

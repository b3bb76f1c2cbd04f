package users

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrCorruptHash says that a stored password hash cannot be read. That is our
// fault, never a wrong password.
var ErrCorruptHash = errors.New("corrupt password hash")

// Params are the cost of one Argon2id hash.
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// DefaultParams returns the minimum that the OWASP Password Storage Cheat Sheet
// names for Argon2id: 19 MiB, two passes, one thread.
func DefaultParams() Params { return Params{Memory: 19456, Time: 2, Threads: 1} }

// The bounds within which a stored hash is computed at all, so that a hostile
// value in the table cannot exhaust a function's memory or time. The highest
// memory the OWASP cheat sheet names is 46 MiB, the most passes 5; below 8 KiB a
// thread, Argon2 itself raises the memory (RFC 9106, section 3.1).
const (
	maxMemory  = 128 << 10 // KiB
	maxTime    = 10
	maxThreads = 4
	minMemory  = 8 // KiB, for each thread
	minSalt    = 8 // bytes, as is maxSalt
	maxSalt    = 64
	minDigest  = 16 // bytes, as is maxDigest
	maxDigest  = 64
	maxPHC     = 256 // bytes; longer than any string within these bounds
)

// What a new hash has: 128 bits of salt and 256 of digest, as RFC 9106 section
// 4 recommends.
const (
	saltSize   = 16 // bytes
	digestSize = 32 // bytes
)

func (p Params) valid() bool {
	return 1 <= p.Threads && p.Threads <= maxThreads && 1 <= p.Time && p.Time <= maxTime &&
		minMemory*uint32(p.Threads) <= p.Memory && p.Memory <= maxMemory
}

// A passwordHash is a PHC string taken apart.
type passwordHash struct {
	params       Params
	salt, digest []byte
}

// String returns the PHC string, such as $argon2id$v=19$m=19456,t=2,p=1$c2Fs…$aGFz….
func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.params.Memory, h.params.Time, h.params.Threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.digest))
}

// parsePHC reads what String writes and nothing else: a string that reads back
// differently is refused. The error is [ErrCorruptHash] and shows nothing of
// the string.
func parsePHC(s string) (passwordHash, error) {
	fields := strings.Split(s, "$")
	if len(s) > maxPHC || len(fields) != 6 {
		return passwordHash{}, ErrCorruptHash
	}
	params, err := parseParams(fields[3])
	if err != nil {
		return passwordHash{}, err
	}
	h := passwordHash{params: params, salt: decode(fields[4]), digest: decode(fields[5])}
	if !h.valid() || h.String() != s {
		return passwordHash{}, ErrCorruptHash
	}
	return h, nil
}

func (h passwordHash) valid() bool {
	return h.params.valid() &&
		minSalt <= len(h.salt) && len(h.salt) <= maxSalt &&
		minDigest <= len(h.digest) && len(h.digest) <= maxDigest
}

// parseParams reads "m=19456,t=2,p=1". It forgives more than [parsePHC], which
// compares the whole string afterwards.
func parseParams(s string) (Params, error) {
	var numbers [3]uint32
	fields := strings.Split(s, ",")
	if len(fields) != len(numbers) {
		return Params{}, ErrCorruptHash
	}
	for i, field := range fields {
		_, digits, _ := strings.Cut(field, "=")
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return Params{}, ErrCorruptHash
		}
		numbers[i] = uint32(n)
	}
	if numbers[2] > maxThreads {
		return Params{}, ErrCorruptHash
	}
	return Params{Memory: numbers[0], Time: numbers[1], Threads: uint8(numbers[2])}, nil
}

// decode returns nothing for what is not base64; an empty salt or digest is
// refused as too short.
func decode(s string) []byte {
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

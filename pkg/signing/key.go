package signing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"strings"
)

// Prefix begins every secret, so that people and secret scanners recognize one.
const Prefix = "whsec_"

// The sizes of a key in bytes: the bounds are Standard Webhooks' own, and 32 is the size of the hash, beyond which more
// adds nothing.
const (
	minKeySize = 24
	maxKeySize = 64
	newKeySize = 32
)

// ErrInvalidSecret means that a text is not a secret.
var ErrInvalidSecret = errors.New("invalid signing secret")

const redacted = "[signing key]"

// Key is the decoded key of a secret. It is hidden when it is printed, logged or marshalled. The zero Key cannot sign.
type Key struct {
	// The key is in a closure. fmt does not call the methods of a Key in an unexported field of another struct, and some verbs follow
	// pointers there. fmt prints only the address of a function.
	newMAC func() hash.Hash
}

// NewSecret returns a new random secret: whsec_ and the base64 of 32 random bytes.
func NewSecret() (string, error) {
	key := make([]byte, newKeySize)
	if _, err := rand.Read(key); err != nil {
		return "", fmt.Errorf("reading random bytes for a signing secret: %w", err)
	}
	return Prefix + base64.StdEncoding.EncodeToString(key), nil
}

// Parse reads a secret: whsec_ and padded base64 of 24 to 64 bytes. The error matches ErrInvalidSecret and quotes nothing.
func Parse(secret string) (Key, error) {
	encoded, found := strings.CutPrefix(secret, Prefix)
	if !found {
		return Key{}, fmt.Errorf("%w: it does not start with %s", ErrInvalidSecret, Prefix)
	}
	// The decoder skips line breaks. Receivers' libraries may not, so they are refused.
	if strings.ContainsAny(encoded, "\r\n") {
		return Key{}, fmt.Errorf("%w: it contains a line break", ErrInvalidSecret)
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return Key{}, fmt.Errorf("%w: what follows %s is not padded base64", ErrInvalidSecret, Prefix)
	}
	if len(decoded) < minKeySize || len(decoded) > maxKeySize {
		return Key{}, fmt.Errorf("%w: it has %d bytes, not %d to %d", ErrInvalidSecret, len(decoded), minKeySize, maxKeySize)
	}
	return Key{newMAC: func() hash.Hash { return hmac.New(sha256.New, decoded) }}, nil
}

// ParseAll reads several secrets and keeps their order. An endpoint has more than one while its secret is rotated.
func ParseAll[S ~string](secrets []S) ([]Key, error) {
	keys := make([]Key, len(secrets))
	for i, secret := range secrets {
		var err error
		if keys[i], err = Parse(string(secret)); err != nil {
			return nil, fmt.Errorf("secret %d of %d: %w", i+1, len(secrets), err)
		}
	}
	return keys, nil
}

// String hides the key.
func (Key) String() string { return redacted }

// GoString hides the key from %#v.
func (Key) GoString() string { return redacted }

// Format hides the key from the verbs that ask no other method, such as %d.
func (Key) Format(state fmt.State, _ rune) {
	_, _ = state.Write([]byte(redacted)) // fmt has nowhere to report an error to
}

// LogValue hides the key from slog.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the key from JSON.
func (Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

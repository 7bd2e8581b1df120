package keyring

import (
	"fmt"
	"log/slog"
)

const redacted = "[encryption keys]"

// The methods below have value receivers, so that they apply to a Keyring and to a pointer.

// String hides the keys.
func (Keyring) String() string { return redacted }

// GoString hides the keys from %#v.
func (Keyring) GoString() string { return redacted }

// Format hides the keys from the verbs that call no other method, such as %d.
func (Keyring) Format(state fmt.State, _ rune) {
	_, _ = state.Write([]byte(redacted)) // fmt has nowhere to report an error to
}

// LogValue hides the keys from slog.
func (Keyring) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the keys from JSON.
func (Keyring) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

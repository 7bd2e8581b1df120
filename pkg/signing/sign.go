package signing

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed webhook, in the case in which Standard Webhooks writes them.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// version names the scheme, HMAC-SHA256 with a shared secret, in the signature header.
const version = "v1,"

// The errors of input that cannot be signed or verified.
var (
	ErrNoKey            = errors.New("no signing key")
	ErrInvalidID        = errors.New("invalid webhook ID")
	ErrInvalidTimestamp = errors.New("invalid webhook timestamp")
)

// Sign returns the signature header of a webhook: one signature for each key, in the order of the keys, separated by spaces. The
// timestamp header has to be at.Unix(). The ID must be printable ASCII without a dot, because dots separate the signed parts.
func Sign(id string, at time.Time, body []byte, keys ...Key) (string, error) {
	seconds := at.Unix()
	if seconds < 0 {
		return "", fmt.Errorf("signing a webhook: %w: it is before 1970", ErrInvalidTimestamp)
	}
	if !validID(id) {
		return "", fmt.Errorf("signing a webhook: %w", ErrInvalidID)
	}
	if len(keys) == 0 {
		return "", fmt.Errorf("signing a webhook: %w", ErrNoKey)
	}
	signatures := make([]string, 0, len(keys))
	for _, key := range keys {
		signature, err := key.sign(id, seconds, body)
		if err != nil {
			return "", fmt.Errorf("signing a webhook: %w", err)
		}
		signatures = append(signatures, signature)
	}
	return strings.Join(signatures, " "), nil
}

// sign returns one signature with its version. The error is ErrNoKey for a zero Key.
func (k Key) sign(id string, seconds int64, body []byte) (string, error) {
	if k.newMAC == nil {
		return "", ErrNoKey
	}
	mac := k.newMAC()
	// A hash never returns an error from Write.
	mac.Write([]byte(id + "." + strconv.FormatInt(seconds, 10) + "."))
	mac.Write(body)
	return version + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// validID refuses IDs that would make two different webhooks sign the same bytes, or break the header.
func validID(id string) bool {
	if id == "" {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] >= 0x7f || id[i] == '.' {
			return false
		}
	}
	return true
}

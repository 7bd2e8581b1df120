package signing

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// DefaultTolerance is how far a timestamp may lie from the receiver's clock: five minutes either way, as the Standard
// Webhooks libraries have it.
const DefaultTolerance = 5 * time.Minute

// Why a webhook is not believed, beside ErrNoKey, ErrInvalidID and ErrInvalidTimestamp.
var (
	ErrMissingHeader       = errors.New("signature header missing or repeated")
	ErrOutsideTolerance    = errors.New("webhook timestamp outside the tolerance")
	ErrNoMatchingSignature = errors.New("no matching signature")
)

// Verify tells a receiver whether a webhook was signed with one of the keys, and within the tolerance of now: nil, or an
// error that matches one of this package's. The body has to be the bytes as received. Signatures are compared in constant
// time.
func Verify(header http.Header, body []byte, now time.Time, tolerance time.Duration, keys ...Key) error {
	if err := verify(header, body, now, tolerance, keys); err != nil {
		return fmt.Errorf("verifying a webhook: %w", err)
	}
	return nil
}

func verify(header http.Header, body []byte, now time.Time, tolerance time.Duration, keys []Key) error {
	id, err := single(header, HeaderID)
	if err != nil {
		return err
	}
	timestamp, err := single(header, HeaderTimestamp)
	if err != nil {
		return err
	}
	signatures, err := single(header, HeaderSignature)
	if err != nil {
		return err
	}

	if !validID(id) {
		return ErrInvalidID
	}
	seconds, err := parseTimestamp(timestamp)
	if err != nil {
		return err
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return ErrOutsideTolerance
	}
	return match(id, seconds, body, strings.Split(signatures, " "), keys)
}

// match looks for any signature by any key.
func match(id string, seconds int64, body []byte, signatures []string, keys []Key) error {
	if len(keys) == 0 {
		return ErrNoKey
	}
	for _, key := range keys {
		expected, err := key.sign(id, seconds, body)
		if err != nil {
			return err
		}
		for _, signature := range signatures {
			if hmac.Equal([]byte(signature), []byte(expected)) {
				return nil
			}
		}
	}
	return ErrNoMatchingSignature
}

// single returns the one value of a header. With two, another reader could pick the other.
func single(header http.Header, name string) (string, error) {
	values := header.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", fmt.Errorf("%w: %s", ErrMissingHeader, name)
	}
	return values[0], nil
}

// parseTimestamp wants the one usual spelling, so that what was signed and what is signed here are the same text.
func parseTimestamp(text string) (int64, error) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 || strconv.FormatInt(seconds, 10) != text {
		return 0, ErrInvalidTimestamp
	}
	return seconds, nil
}

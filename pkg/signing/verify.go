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

// DefaultTolerance is the largest difference between a timestamp and the receiver's clock: five minutes either way, as in the Standard
// Webhooks libraries.
const DefaultTolerance = 5 * time.Minute

// The errors of a webhook that is not authentic, beside ErrNoKey, ErrInvalidID and ErrInvalidTimestamp.
var (
	ErrMissingHeader       = errors.New("signature header missing or repeated")
	ErrOutsideTolerance    = errors.New("webhook timestamp outside the tolerance")
	ErrNoMatchingSignature = errors.New("no matching signature")
)

// Verify returns nil if the webhook was signed with one of the keys, within the tolerance of now. Otherwise the error matches one of this
// package's. The body has to be the bytes as received. Signatures are compared in constant time.
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

// match reports whether any signature is valid for any key.
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

// single returns the value of a header. It refuses two values, because another parser could read the other one.
func single(header http.Header, name string) (string, error) {
	values := header.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", fmt.Errorf("%w: %s", ErrMissingHeader, name)
	}
	return values[0], nil
}

// parseTimestamp accepts only the canonical form, so that the signed text and the text that is verified are the same.
func parseTimestamp(text string) (int64, error) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 || strconv.FormatInt(seconds, 10) != text {
		return 0, ErrInvalidTimestamp
	}
	return seconds, nil
}

package webhook

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of the metadata of an organization or an endpoint.
const (
	maxMetadata      = 20
	maxMetadataBytes = 2048 // the sum of all names and values
)

// metadata refuses pairs that a database or a log cannot hold, and more of them than a description needs.
func (c *check) metadata(pairs map[string]string) {
	const field = "metadata"
	if len(pairs) > maxMetadata {
		c.add("too_many", field, fmt.Sprintf("%s must not have more than %d entries", field, maxMetadata))
		return
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		total += len(name) + len(pairs[name])
		if strings.TrimSpace(name) == "" {
			c.add("required", field, field+" must not have an empty name")
		}
		if !plainText(name) || !plainText(pairs[name]) {
			c.add("invalid_text", field, field+" must have names and values of valid UTF-8 without control characters")
		}
	}
	if total > maxMetadataBytes {
		c.add("too_long", field, fmt.Sprintf("%s must not have more than %d bytes in all names and values together", field, maxMetadataBytes))
	}
}

func plainText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// CheckMetadata returns an error with everything that is wrong with metadata.
func CheckMetadata(pairs map[string]string) error {
	var c check
	c.metadata(pairs)
	return c.err()
}

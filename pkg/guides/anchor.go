package guides

import (
	"regexp"
	"strings"
)

// dropped matches the characters that GitHub drops from the anchor of a heading.
var dropped = regexp.MustCompile(`[^\p{L}\p{M}\p{N}\p{Pc} -]`)

// Anchor returns the anchor that GitHub gives to a heading, from the heading's text without markup. GitHub appends "-1" to the anchor of the
// second heading with the same text on a page, and so on. The caller has to do that.
func Anchor(heading string) string {
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

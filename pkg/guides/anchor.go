package guides

import (
	"regexp"
	"strings"
)

// dropped matches the characters that GitHub leaves out of the anchor of a heading.
var dropped = regexp.MustCompile(`[^\p{L}\p{M}\p{N}\p{Pc} -]`)

// Anchor returns the fragment that GitHub gives to a heading, from the heading's text without markup. The second heading of the same
// text on a page gets "-1" after it, and so on; Anchor leaves that to its caller.
func Anchor(heading string) string {
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

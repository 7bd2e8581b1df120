package egress

import (
	"fmt"
	"net/url"
	"strings"
)

// checkRequestTarget refuses a path and query that the sender would request in other bytes than those that were saved. net/url
// re-encodes a path with a character that is not allowed in one, and decodes its %2F and %2e on the way: /a%2Fb/c| becomes
// /a/b/c%7C. Such a URL is refused with the encoding to use. URLs that were saved before this rule are requested as before.
func checkRequestTarget(parsed *url.URL, saved string) *Refusal {
	if !strings.HasPrefix(saved, "/") {
		saved = "/" + saved // HTTP has no empty path (RFC 9112, section 3.2.1)
	}
	if parsed.RequestURI() == saved {
		return nil
	}
	path, _, _ := strings.Cut(saved, "?")
	if at := strings.IndexFunc(path, isUnsafeInPath); at >= 0 {
		return refuse(ReasonInvalidURL, fmt.Sprintf("write %[1]c in the path of the URL as %%%[1]X; a URL is requested as it is saved", path[at]))
	}
	return refuse(ReasonInvalidURL, "percent-encode the characters of the path that are not letters, digits or punctuation of a URL")
}

// isUnsafeInPath reports whether a character of printable ASCII may not stand in a path (RFC 3986, section 3.3).
func isUnsafeInPath(r rune) bool { return strings.ContainsRune("\"<>^`{|}", r) }

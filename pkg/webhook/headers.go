package webhook

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Limits of an endpoint's custom headers. Common servers refuse a request with more than 8 KiB of headers.
const (
	maxHeaders     = 20
	maxHeaderName  = 128
	maxHeaderValue = 4096
	maxHeaderBytes = 6144 // the sum of all names and values
)

// reservedHeaders are the folded names that an endpoint cannot set. They determine the destination, the framing, the body, the sender and
// the delivery of a request. An idempotency key would make Go's transport repeat a POST on its own.
var reservedHeaders = map[string]bool{
	"host": true, "content": true, "user-agent": true, "expect": true, "accept-encoding": true, "date": true, "via": true,
	"connection": true, "keep-alive": true, "te": true, "trailer": true, "trailers": true, "transfer-encoding": true, "upgrade": true,
	"http2-settings": true, "idempotency-key": true, "x-idempotency-key": true, "traceparent": true, "tracestate": true, "baggage": true,
	"range": true, "if-range": true, "if-match": true, "if-none-match": true, "if-modified-since": true, "if-unmodified-since": true,
}

var reservedHeaderPrefixes = []string{"content-", "webhook-", "proxy-"}

// foldHeader returns the name by which headers are compared. Gateways and application servers pass names on in capitals, and replace
// characters by underscores. To them, Webhook_Signature and webhook-signature are the same header.
func foldHeader(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, name)
}

func reservedHeader(folded string) bool {
	return reservedHeaders[folded] || slices.ContainsFunc(reservedHeaderPrefixes, func(prefix string) bool { return strings.HasPrefix(folded, prefix) })
}

// checkHeaderName returns what is wrong with a name, as a reason and the end of a sentence. Both are empty if nothing is wrong.
func checkHeaderName(name string) (reason, problem string) {
	switch {
	case name == "":
		return "invalid_header", "must not have an empty name"
	case len(name) > maxHeaderName:
		return "too_long", fmt.Sprintf("must not have names longer than %d characters", maxHeaderName)
	case strings.ContainsFunc(name, func(r rune) bool { return !tokenRune(r) }):
		return "invalid_header", "must have names of letters, digits and !#$%&'*+-.^_`|~ alone"
	case reservedHeader(foldHeader(name)):
		return "header_not_allowed", fmt.Sprintf("must not have %s: Redrive, or the connection, sets it", name)
	}
	return "", ""
}

// tokenRune reports whether a rune is a tchar of RFC 9110, section 5.6.2.
func tokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// checkHeaderValue is checkHeaderName for a value. It does not quote the value.
func checkHeaderValue(value string) (reason, problem string) {
	switch {
	case value == "":
		return "required", "must not be empty; leave the header out instead"
	case len(value) > maxHeaderValue:
		return "too_long", fmt.Sprintf("must not be longer than %d characters", maxHeaderValue)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }):
		return "invalid_header", "must be printable ASCII, without line breaks, tabs or other control characters"
	case value[0] == ' ' || value[len(value)-1] == ' ':
		return "invalid_header", "must not begin or end with a space: receivers drop it"
	}
	return "", ""
}

// headers refuses headers that could change more of a request than their own line. It reports the first problem of each header, in the order
// of the names. It quotes a name only after it has checked it, and never a value.
func (c *check) headers(field string, headers map[string]Secret) {
	if len(headers) > maxHeaders {
		c.add("too_many", field, fmt.Sprintf("%s must not have more than %d entries", field, maxHeaders))
		return
	}
	total := 0
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value := headers[name].Reveal()
		total += len(name) + len(value)
		if reason, problem := checkHeaderName(name); reason != "" {
			c.add(reason, field, field+" "+problem)
			continue
		}
		if twin, twice := seen[foldHeader(name)]; twice {
			c.add("duplicate_header", field+"."+name, fmt.Sprintf("%s and %s are one header to a receiver; keep one of them", twin, name))
			continue
		}
		seen[foldHeader(name)] = name
		if reason, problem := checkHeaderValue(value); reason != "" {
			c.add(reason, field+"."+name, field+"."+name+" "+problem)
		}
	}
	if total > maxHeaderBytes {
		c.add("too_long", field, fmt.Sprintf("%s must not have more than %d bytes in all names and values together", field, maxHeaderBytes))
	}
}

// CheckHeaders returns an error with everything that is wrong with an endpoint's custom headers.
func CheckHeaders(headers map[string]Secret) error {
	var c check
	c.headers("headers", headers)
	return c.err()
}

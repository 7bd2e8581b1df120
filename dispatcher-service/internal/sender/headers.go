package sender

import (
	"net/http"
	"strings"

	"redrive/pkg/webhook"
)

// masked is the flat header of a request without the values of the endpoint's own headers: those are secrets as a rule, and an
// attempt on record shows only that they were sent.
func masked(header http.Header, own map[string]webhook.Secret) map[string]string {
	flat := flatten(header)
	for name, value := range own {
		flat[http.CanonicalHeaderKey(name)] = value.String()
	}
	return flat
}

// flatten makes one line of each header, as it is kept and shown. Bytes that are not UTF-8 could not be.
func flatten(header http.Header) map[string]string {
	flat := make(map[string]string, len(header))
	for name, values := range header {
		flat[strings.ToValidUTF8(name, "\uFFFD")] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return flat
}

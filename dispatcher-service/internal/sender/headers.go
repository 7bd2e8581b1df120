package sender

import (
	"net/http"
	"strings"

	"redrive/pkg/webhook"
)

// masked returns the flat header of a request with the values of the endpoint's own headers masked. They are usually secrets: a recorded
// attempt shows only their names.
func masked(header http.Header, own map[string]webhook.Secret) map[string]string {
	flat := flatten(header)
	for name, value := range own {
		flat[http.CanonicalHeaderKey(name)] = value.String()
	}
	return flat
}

// flatten returns each header as one line of valid UTF-8, which is the form that is stored and shown.
func flatten(header http.Header) map[string]string {
	flat := make(map[string]string, len(header))
	for name, values := range header {
		flat[strings.ToValidUTF8(name, "\uFFFD")] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return flat
}

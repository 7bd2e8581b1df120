package sender

import (
	"net/http"
	"strings"
)

// flatten makes one line of each header, as it is kept and shown. Bytes that are not UTF-8 could not be.
func flatten(header http.Header) map[string]string {
	flat := make(map[string]string, len(header))
	for name, values := range header {
		flat[strings.ToValidUTF8(name, "\uFFFD")] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return flat
}

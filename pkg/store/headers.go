package store

import (
	"fmt"

	"redrive/pkg/webhook"
)

// sealedHeaders are an endpoint's custom headers as they are stored. The names are plain, because every answer shows them. The values are
// sealed.
type sealedHeaders map[string][]byte

func (r endpointRow) sealedHeaders() (sealedHeaders, error) {
	return optionalColumn[sealedHeaders](r.Headers, "{}")
}

// names returns the headers with empty values.
func (h sealedHeaders) names() map[string]webhook.Secret {
	if len(h) == 0 {
		return nil
	}
	names := make(map[string]webhook.Secret, len(h))
	for name := range h {
		names[name] = ""
	}
	return names
}

// headerData returns the additional data that binds a sealed value to its endpoint and name. Signing secrets are bound to the endpoint's
// ID alone, so that neither can be taken for the other.
func headerData(endpointID, name string) []byte { return []byte(endpointID + "/headers/" + name) }

func (s *Store) sealHeaders(endpointID string, headers map[string]webhook.Secret) (string, error) {
	sealed := make(sealedHeaders, len(headers))
	for name, value := range headers {
		var err error
		if sealed[name], err = s.sealer.Seal([]byte(value.Reveal()), headerData(endpointID, name)); err != nil {
			return "", fmt.Errorf("seal a header of %s: %w", endpointID, err)
		}
	}
	return encodeColumn(sealed)
}

func (s *Store) openHeaders(row endpointRow) (map[string]webhook.Secret, error) {
	sealed, err := row.sealedHeaders()
	if err != nil {
		return nil, err
	}
	headers := sealed.names()
	for name, value := range sealed {
		text, err := s.sealer.Open(value, headerData(row.ID, name))
		if err != nil {
			return nil, fmt.Errorf("open a header of %s: %w", row.ID, err)
		}
		headers[name] = webhook.Secret(text)
	}
	return headers, nil
}

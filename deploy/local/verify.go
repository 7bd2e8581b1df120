package local

import (
	"fmt"
	"net/http"
	"time"

	"redrive/deploy/receiver"
	"redrive/pkg/signing"
	"redrive/pkg/store"
)

// signingKeys lets the sample receiver verify what any endpoint is sent: it looks into the database, where a real receiver
// would have been given the secret when its endpoint was made.
func signingKeys(s *store.Store) receiver.Keys {
	return func(r *http.Request) ([]signing.Key, error) {
		dispatch, err := s.LoadDispatch(r.Context(), r.Header.Get(signing.HeaderID))
		if err != nil {
			return nil, err
		}
		var keys []signing.Key
		for _, secret := range dispatch.Endpoint.LiveSecrets(time.Now()) {
			key, err := signing.Parse(secret.Reveal())
			if err != nil {
				return nil, fmt.Errorf("read a signing secret: %w", err)
			}
			keys = append(keys, key)
		}
		return keys, nil
	}
}

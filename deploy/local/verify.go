package local

import (
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
		return signing.ParseAll(dispatch.Endpoint.LiveSecrets(time.Now()))
	}
}

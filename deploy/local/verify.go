package local

import (
	"net/http"
	"time"

	"redrive/deploy/receiver"
	"redrive/pkg/signing"
	"redrive/pkg/store"
)

// signingKeys reads the signing secrets of all endpoints from the database, so that the sample receiver can verify any delivery. A real
// receiver gets its secret when its endpoint is created.
func signingKeys(s *store.Store) receiver.Keys {
	return func(r *http.Request) ([]signing.Key, error) {
		dispatch, err := s.LoadDispatch(r.Context(), r.Header.Get(signing.HeaderID))
		if err != nil {
			return nil, err
		}
		return signing.ParseAll(dispatch.Endpoint.LiveSecrets(time.Now()))
	}
}

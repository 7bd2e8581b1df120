package store

import (
	"encoding/json"
	"fmt"
	"time"

	"redrive/pkg/webhook"
)

// sealedSecret is one signing secret in the JSON array that is sealed for each endpoint. The array is always read and replaced as a whole.
type sealedSecret struct {
	Value     string    `json:"value"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

func (s *Store) sealSecrets(endpointID string, secrets []webhook.SigningSecret) ([]byte, error) {
	plain := make([]sealedSecret, len(secrets))
	for i, secret := range secrets {
		plain[i] = sealedSecret{Value: secret.Value.Reveal(), ExpiresAt: secret.ExpiresAt}
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return nil, fmt.Errorf("encode the signing secrets of %s: %w", endpointID, err)
	}
	sealed, err := s.sealer.Seal(text, []byte(endpointID))
	if err != nil {
		return nil, fmt.Errorf("seal the signing secrets of %s: %w", endpointID, err)
	}
	return sealed, nil
}

// endpointToSend returns the endpoint with its signing secrets and the values of its headers.
func (s *Store) endpointToSend(row endpointRow) (webhook.Endpoint, error) {
	endpoint := row.endpoint()
	var err error
	if endpoint.SigningSecrets, err = s.openSecrets(row); err != nil {
		return webhook.Endpoint{}, err
	}
	endpoint.Headers, err = s.openHeaders(row)
	return endpoint, err
}

func (s *Store) openSecrets(row endpointRow) ([]webhook.SigningSecret, error) {
	text, err := s.sealer.Open(row.SigningSecrets, []byte(row.ID))
	if err != nil {
		return nil, fmt.Errorf("open the signing secrets of %s: %w", row.ID, err)
	}
	var plain []sealedSecret
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, fmt.Errorf("decode the signing secrets of %s", row.ID) // the cause would quote the secrets
	}
	secrets := make([]webhook.SigningSecret, len(plain))
	for i, secret := range plain {
		secrets[i] = webhook.SigningSecret{Value: webhook.Secret(secret.Value), ExpiresAt: secret.ExpiresAt}
	}
	return secrets, nil
}

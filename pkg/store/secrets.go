package store

import (
	"encoding/json"
	"fmt"
	"time"

	"redrive/pkg/webhook"
)

// sealedSecret is one signing secret as it is written, as part of one sealed JSON array for each endpoint: the list is
// always read and replaced as a whole.
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

func (s *Store) endpointWithSecrets(row endpointRow) (webhook.Endpoint, error) {
	endpoint, err := row.endpoint()
	if err != nil {
		return webhook.Endpoint{}, err
	}
	text, err := s.sealer.Open(row.SigningSecrets, []byte(row.ID))
	if err != nil {
		return webhook.Endpoint{}, fmt.Errorf("open the signing secrets of %s: %w", row.ID, err)
	}
	var plain []sealedSecret
	if err := json.Unmarshal(text, &plain); err != nil {
		return webhook.Endpoint{}, fmt.Errorf("decode the signing secrets of %s", row.ID) // the cause would quote them
	}
	for _, secret := range plain {
		endpoint.SigningSecrets = append(endpoint.SigningSecrets, webhook.SigningSecret{Value: webhook.Secret(secret.Value), ExpiresAt: secret.ExpiresAt})
	}
	return endpoint, nil
}

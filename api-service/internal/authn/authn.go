// Package authn tells who is calling: it turns the raw API key of a request into the key on record.
package authn

import (
	"context"
	"crypto/sha256"

	"redrive/api-service/internal/recent"
	"redrive/pkg/webhook"
)

// Store finds API keys.
type Store interface {
	FindAPIKeyByHash(ctx context.Context, hash [sha256.Size]byte) (webhook.APIKey, error)
}

// Authenticator authenticates API keys. It remembers those that it has seen for a moment, so that one that is revoked is refused
// within a second; whether one has expired is looked at each time.
type Authenticator struct {
	store Store
	seen  *recent.Cache[[sha256.Size]byte, webhook.APIKey]
}

// New makes an Authenticator.
func New(store Store) *Authenticator {
	return &Authenticator{store: store, seen: recent.New[[sha256.Size]byte, webhook.APIKey]()}
}

// ErrUnauthenticated is the answer to a key that is not valid; it does not tell unknown from revoked from expired.
var ErrUnauthenticated = &webhook.Error{
	Code:    webhook.CodeUnauthenticated,
	Message: "a valid API key is required",
	Details: []webhook.Detail{{Reason: "unauthenticated", Field: "Authorization", Message: "send the header Authorization: Bearer <API key>; the key may be unknown, revoked or expired"}},
}

// Authenticate returns the key on record for a raw key, or ErrUnauthenticated.
func (a *Authenticator) Authenticate(ctx context.Context, raw string) (webhook.APIKey, error) {
	if !webhook.CheckRawKey(raw) {
		return webhook.APIKey{}, ErrUnauthenticated
	}
	hash := webhook.HashAPIKey(raw)
	key, err := a.seen.Get(ctx, hash, func(ctx context.Context) (webhook.APIKey, error) { return a.store.FindAPIKeyByHash(ctx, hash) })
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return webhook.APIKey{}, ErrUnauthenticated
	case err != nil:
		return webhook.APIKey{}, err
	case !key.Valid(webhook.Now()):
		return webhook.APIKey{}, ErrUnauthenticated
	}
	return key, nil
}

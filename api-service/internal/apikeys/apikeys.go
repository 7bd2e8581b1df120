// Package apikeys makes and revokes an organization's API keys, at the request of one of them.
//
// No key makes one that may do more than itself, or for longer: whoever gets hold of a key that ends on Friday has nothing on
// Saturday. And the last key that may write stays, for without it nobody could make another; only the operator revokes that.
package apikeys

import (
	"context"
	"fmt"
	"time"

	"redrive/pkg/webhook"
)

// Store is what issuing keys needs of the database.
type Store interface {
	CreateAPIKey(ctx context.Context, key webhook.APIKey) error
	RevokeAPIKeyOf(ctx context.Context, organizationID, id string, now time.Time) (webhook.APIKey, error)
}

// Issuer makes and revokes keys.
type Issuer struct {
	store Store
}

// New makes an Issuer.
func New(store Store) *Issuer { return &Issuer{store: store} }

// Request is what a caller says about a new key.
type Request struct {
	Name        string
	Description string
	Scope       webhook.Scope
	ExpiresAt   time.Time // zero: never
}

// Create makes a key for the organization of the key that asks for it, and returns the raw key, which is not kept.
func (i *Issuer) Create(ctx context.Context, by webhook.APIKey, r Request) (webhook.APIKey, webhook.Secret, error) {
	now := webhook.Now()
	spec := webhook.APIKeySpec{
		OrganizationID: by.OrganizationID, Name: r.Name, Description: r.Description, Scope: r.Scope, ExpiresAt: r.ExpiresAt, CreatedBy: by.ID,
	}
	if err := spec.Check(now); err != nil {
		return webhook.APIKey{}, "", err
	}
	if err := mayMake(by, spec); err != nil {
		return webhook.APIKey{}, "", err
	}
	key, raw := webhook.NewAPIKey(spec, now)
	if err := i.store.CreateAPIKey(ctx, key); err != nil {
		return webhook.APIKey{}, "", err
	}
	return key, raw, nil
}

// Revoke ends the life of one of the organization's keys, the one that asks for it among them.
func (i *Issuer) Revoke(ctx context.Context, by webhook.APIKey, id string) (webhook.APIKey, error) {
	return i.store.RevokeAPIKeyOf(ctx, by.OrganizationID, id, webhook.Now())
}

func mayMake(by webhook.APIKey, spec webhook.APIKeySpec) error {
	if by.Scope != webhook.ScopeReadWrite && spec.Scope != by.Scope {
		const message = "an API key cannot make one that may do more than itself"
		return &webhook.Error{Code: webhook.CodeForbidden, Message: message, Details: []webhook.Detail{{Reason: "wider_scope", Field: "scope", Message: message}}}
	}
	if !by.ExpiresAt.IsZero() && (spec.ExpiresAt.IsZero() || spec.ExpiresAt.After(by.ExpiresAt)) {
		return webhook.Invalid("outlives_its_maker", "expiresAt",
			fmt.Sprintf("an API key cannot outlive the one that makes it; set expiresAt to %s or earlier", webhook.FormatTime(by.ExpiresAt)))
	}
	return nil
}

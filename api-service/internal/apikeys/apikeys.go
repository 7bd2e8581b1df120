// Package apikeys creates and revokes an organization's API keys on the request of one of these keys.
//
// A key cannot create a key with a wider scope or a later expiry than its own. A stolen key therefore gives no access after its expiry. The
// organization's last valid key with the scope read-write cannot be revoked by another key of the organization, because no other key could be
// created. A platform key can revoke it, and so can the operator on the command line.
package apikeys

import (
	"context"
	"fmt"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Store is the part of the database that this package uses.
type Store interface {
	IssueAPIKey(ctx context.Context, key webhook.APIKey) error
	RevokeAPIKeyOf(ctx context.Context, organizationID, id string, r store.Revocation, now time.Time) (webhook.APIKey, error)
}

// Issuer creates and revokes keys.
type Issuer struct {
	store Store
}

// New makes an Issuer.
func New(store Store) *Issuer { return &Issuer{store: store} }

// Request describes a key to create.
type Request struct {
	Name        string
	Description string
	Scope       webhook.Scope
	ExpiresAt   time.Time // zero: never
}

// Create creates a key in the organization of the calling key. It also returns the raw key, which is not stored.
func (i *Issuer) Create(ctx context.Context, by webhook.APIKey, r Request) (webhook.APIKey, webhook.Secret, error) {
	now := webhook.Now()
	spec := webhook.APIKeySpec{
		OrganizationID: by.OrganizationID, Name: r.Name, Description: r.Description, Scope: r.Scope, ExpiresAt: r.ExpiresAt, CreatedBy: by.ID,
	}
	if err := spec.Check(now); err != nil {
		return webhook.APIKey{}, "", err
	}
	if err := checkGrant(by, spec); err != nil {
		return webhook.APIKey{}, "", err
	}
	key, raw := webhook.NewAPIKey(spec, now)
	created := key
	created.Raw = raw
	if err := i.store.IssueAPIKey(ctx, created); err != nil {
		return webhook.APIKey{}, "", err
	}
	return key, raw, nil
}

// Revoke revokes one of the organization's keys, and with descendants the keys too that were created by it, directly or through others. It
// may be the calling key.
func (i *Issuer) Revoke(ctx context.Context, by webhook.APIKey, id string, descendants bool) (webhook.APIKey, error) {
	revocation := store.Revocation{Descendants: descendants, Last: by.Platform()}
	return i.store.RevokeAPIKeyOf(ctx, by.OrganizationID, id, revocation, webhook.Now())
}

// checkGrant returns an error if the new key would have a wider scope or a later expiry than the calling key.
func checkGrant(by webhook.APIKey, spec webhook.APIKeySpec) error {
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

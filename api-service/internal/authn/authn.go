// Package authn authenticates callers: it finds the stored API key for the raw key of a request, with the organization that it acts for.
//
//	raw key → checksum ──► recently valid?  yes ──► lookup of known keys    (cache → batched statement) ──► stored key
//	           │ wrong                      no  ──► lookup of unknown keys  (cache → batched statement) ──► stored key, or none
//	           ▼
//	          refused
//
// A flood of keys that do not exist therefore does not delay the keys in use. It can occupy a few connections of the database. Text
// without a valid checksum does not reach the database.
//
// The key of an organization is read with the organization's limits, in one statement. The organization of a platform key is named by the
// request and looked up by its ID.
package authn

import (
	"context"
	"time"

	"redrive/api-service/internal/cache"
	"redrive/pkg/webhook"
)

// Store finds API keys by their hash, and organizations by their ID. Results and errors are in the order of the arguments.
type Store interface {
	FindIdentities(ctx context.Context, hashes [][32]byte) ([]webhook.Identity, []error)
	FindOrganizations(ctx context.Context, ids []string) ([]webhook.Organization, []error)
}

// Uses records every use of a key. Used must not block. lastused.Recorder implements it.
type Uses interface {
	Used(key webhook.APIKey, at time.Time)
}

// Authenticator authenticates API keys. It caches keys and organizations for less than a second, so that a revoked key, or a key of a
// deleted organization, is refused within a second. It checks the expiry of a key on every call. It is safe for concurrent use.
type Authenticator struct {
	uses          Uses
	recent        *cache.Recent[hash, struct{}] // keys that were valid at their last use
	known         *lookup[hash, webhook.Identity]
	unknown       *lookup[hash, webhook.Identity]
	organizations *lookup[string, webhook.Organization]
}

const (
	// recentFor is how long a key is recently valid after its last use.
	recentFor = time.Hour
	// maxRecent bounds the keys in memory.
	maxRecent = 10_000
)

// Options configure an Authenticator.
type Options struct {
	// Timeout bounds each lookup of keys in the database. Defaults to the timeout of package groupcommit.
	Timeout time.Duration
}

// New makes an Authenticator.
func New(store Store, uses Uses, o Options) *Authenticator {
	return &Authenticator{
		uses:          uses,
		recent:        cache.NewRecent[hash, struct{}](recentFor, maxRecent),
		known:         newLookup(store.FindIdentities, o.Timeout),
		unknown:       newLookup(store.FindIdentities, o.Timeout),
		organizations: newLookup(store.FindOrganizations, o.Timeout),
	}
}

// Close waits for the lookups in progress, which may outlive their callers.
func (a *Authenticator) Close() {
	a.known.group.Close()
	a.unknown.group.Close()
	a.organizations.group.Close()
}

// ErrUnauthenticated refuses a key that is not valid. It does not distinguish unknown, revoked and expired keys.
var ErrUnauthenticated = &webhook.Error{
	Code:    webhook.CodeUnauthenticated,
	Message: "a valid API key is required; /docs describes the API",
	Details: []webhook.Detail{{Reason: "unauthenticated", Field: "Authorization", Message: "send the header Authorization: Bearer <API key>; the key may be unknown, revoked or expired"}},
}

// Authenticate returns the stored key for a raw key, with its organization. It returns ErrUnauthenticated for a key that is not valid, and
// an error with the code unavailable if the database could not be read.
func (a *Authenticator) Authenticate(ctx context.Context, raw string) (webhook.Identity, error) {
	if !webhook.CheckRawKey(raw) {
		return webhook.Identity{}, ErrUnauthenticated
	}
	h := webhook.HashAPIKey(raw)
	identity, found, err := a.lookupOf(h).find(ctx, h)
	now := webhook.Now()
	switch {
	case err != nil:
		return webhook.Identity{}, err
	case !found || !identity.Valid(now):
		a.recent.Remove(h)
		return webhook.Identity{}, ErrUnauthenticated
	}
	if a.recent.Add(h, struct{}{}, now) {
		a.unknown.cache.Invalidate(h) // only the cache of known keys has it now, so that no older value is used later
	}
	a.uses.Used(identity.Key, now)
	return identity, nil
}

// Organization returns the organization that a platform key may act for. The error has the code not_found if there is no
// such organization or it was deleted, and unavailable if the database could not be read.
func (a *Authenticator) Organization(ctx context.Context, id string) (webhook.Organization, error) {
	if webhook.CheckOrganizationID(id) != nil {
		return webhook.Organization{}, errNoOrganization
	}
	organization, found, err := a.organizations.find(ctx, id)
	switch {
	case err != nil:
		return webhook.Organization{}, err
	case !found || organization.Deleted():
		return webhook.Organization{}, errNoOrganization
	}
	return organization, nil
}

var errNoOrganization = webhook.OrganizationNotFound("X-Org-ID")

// lookupOf returns the lookup that a key takes. Keys that were valid recently have one of their own, so that a flood of unknown keys does not delay
// them.
func (a *Authenticator) lookupOf(h hash) *lookup[hash, webhook.Identity] {
	if _, isRecent := a.recent.Get(h, webhook.Now()); isRecent {
		return a.known
	}
	return a.unknown
}

// Invalidate removes a key that this process created or revoked from the caches.
func (a *Authenticator) Invalidate(key webhook.APIKey) {
	a.recent.Remove(key.KeyHash)
	a.known.cache.Invalidate(key.KeyHash)
	a.unknown.cache.Invalidate(key.KeyHash)
}

// InvalidateOrganization removes an organization that this process changed from the caches, with its keys.
func (a *Authenticator) InvalidateOrganization(id string) {
	a.organizations.cache.Invalidate(id)
	own := func(cached answer[webhook.Identity]) bool {
		return cached.found && cached.value.Key.OrganizationID == id
	}
	a.known.cache.InvalidateIf(own)
	a.unknown.cache.InvalidateIf(own)
}

// Package authn authenticates callers: it finds the stored API key for the raw key of a request.
//
//	raw key → checksum ──► recently valid?  yes ──► lookup of known keys    (cache → batched statement) ──► stored key
//	           │ wrong                      no  ──► lookup of unknown keys  (cache → batched statement) ──► stored key, or none
//	           ▼
//	          refused
//
// A flood of keys that do not exist therefore does not delay the keys in use. It can occupy a few connections of the database. Text
// without a valid checksum does not reach the database.
package authn

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// Store finds API keys. FindAPIKeysByHash returns a key or an error for each hash, in their order.
type Store interface {
	FindAPIKeysByHash(ctx context.Context, hashes [][32]byte) ([]webhook.APIKey, []error)
}

// Uses records every use of a key. Used must not block. lastused.Recorder implements it.
type Uses interface {
	Used(key webhook.APIKey, at time.Time)
}

// Authenticator authenticates API keys. It caches keys for less than a second, so that a revoked key is refused within a second. It
// checks the expiry of a key on every call. It is safe for concurrent use.
type Authenticator struct {
	uses    Uses
	recent  *recentlyValid
	known   *lookup
	unknown *lookup
}

// Options configure an Authenticator.
type Options struct {
	// Timeout bounds each lookup of keys in the database. Defaults to the timeout of package groupcommit.
	Timeout time.Duration
}

// New makes an Authenticator.
func New(store Store, uses Uses, o Options) *Authenticator {
	return &Authenticator{uses: uses, recent: newRecentlyValid(), known: newLookup(store, o.Timeout), unknown: newLookup(store, o.Timeout)}
}

// Close waits for the lookups in progress, which may outlive their callers.
func (a *Authenticator) Close() {
	a.known.group.Close()
	a.unknown.group.Close()
}

// ErrUnauthenticated refuses a key that is not valid. It does not distinguish unknown, revoked and expired keys.
var ErrUnauthenticated = &webhook.Error{
	Code:    webhook.CodeUnauthenticated,
	Message: "a valid API key is required; /docs describes the API",
	Details: []webhook.Detail{{Reason: "unauthenticated", Field: "Authorization", Message: "send the header Authorization: Bearer <API key>; the key may be unknown, revoked or expired"}},
}

// Authenticate returns the stored key for a raw key. It returns ErrUnauthenticated for a key that is not valid, and an error with the
// code unavailable if the database could not be read.
func (a *Authenticator) Authenticate(ctx context.Context, raw string) (webhook.APIKey, error) {
	if !webhook.CheckRawKey(raw) {
		return webhook.APIKey{}, ErrUnauthenticated
	}
	h := webhook.HashAPIKey(raw)
	key, found, err := a.lookupOf(h).find(ctx, h)
	now := webhook.Now()
	switch {
	case err != nil:
		return webhook.APIKey{}, err
	case !found || !key.Valid(now):
		a.recent.remove(h)
		return webhook.APIKey{}, ErrUnauthenticated
	}
	if a.recent.add(h, now) {
		a.unknown.cache.Invalidate(h) // only the cache of known keys has it now, so that no older value is used later
	}
	a.uses.Used(key, now)
	return key, nil
}

func (a *Authenticator) lookupOf(h hash) *lookup {
	if a.recent.has(h, webhook.Now()) {
		return a.known
	}
	return a.unknown
}

// Invalidate removes a key that this process created or revoked from the caches.
func (a *Authenticator) Invalidate(key webhook.APIKey) {
	a.recent.remove(key.KeyHash)
	a.known.cache.Invalidate(key.KeyHash)
	a.unknown.cache.Invalidate(key.KeyHash)
}

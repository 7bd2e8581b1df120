// Package authn authenticates callers: it turns the raw API key of a request into the key on record.
//
//	raw key → checksum ──► valid lately?  yes ──► lookup of known keys    (cache → batched statement) ──► key on record
//	           │ wrong                    no  ──► lookup of unknown keys  (cache → batched statement) ──► key on record, or none
//	           ▼
//	          no key
//
// A flood of keys that do not exist therefore shares nothing with the keys in use but the database, of which it can occupy a few
// connections. Text without a valid checksum does not reach the database.
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

// Uses is told of every use of a key, and must not wait: keyuse.Recorder.
type Uses interface {
	Used(key webhook.APIKey, at time.Time)
}

// Authenticator authenticates API keys. What it has read is cached for less than a second, so that a revoked key is refused within a
// second; whether a key has expired is checked each time. It is safe for concurrent use.
type Authenticator struct {
	uses    Uses
	valid   *validLately
	known   *lookup
	unknown *lookup
}

// Options of an Authenticator.
type Options struct {
	// Timeout bounds each lookup of keys in the database. Defaults to that of package groupcommit.
	Timeout time.Duration
}

// New makes an Authenticator.
func New(store Store, uses Uses, o Options) *Authenticator {
	return &Authenticator{uses: uses, valid: newValidLately(), known: newLookup(store, o.Timeout), unknown: newLookup(store, o.Timeout)}
}

// Close waits for lookups that are under way although no caller waits for them any more.
func (a *Authenticator) Close() {
	a.known.group.Close()
	a.unknown.group.Close()
}

// ErrUnauthenticated is the answer to a key that is not valid; it does not tell unknown from revoked from expired.
var ErrUnauthenticated = &webhook.Error{
	Code:    webhook.CodeUnauthenticated,
	Message: "a valid API key is required; /docs describes the API",
	Details: []webhook.Detail{{Reason: "unauthenticated", Field: "Authorization", Message: "send the header Authorization: Bearer <API key>; the key may be unknown, revoked or expired"}},
}

// Authenticate returns the key on record for a raw key, or ErrUnauthenticated.
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
		a.valid.forget(h)
		return webhook.APIKey{}, ErrUnauthenticated
	}
	if a.valid.add(h, now) {
		a.unknown.cache.Forget(h) // from here on the cache of known keys alone has it, so that no older record comes back
	}
	a.uses.Used(key, now)
	return key, nil
}

func (a *Authenticator) lookupOf(h hash) *lookup {
	if a.valid.has(h, webhook.Now()) {
		return a.known
	}
	return a.unknown
}

// Forget makes this process look a key up anew, because it was created or revoked here.
func (a *Authenticator) Forget(key webhook.APIKey) {
	a.valid.forget(key.KeyHash)
	a.known.cache.Forget(key.KeyHash)
	a.unknown.cache.Forget(key.KeyHash)
}

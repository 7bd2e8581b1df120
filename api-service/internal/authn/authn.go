// Package authn tells who is calling: it turns the raw API key of a request into the key on record.
package authn

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"redrive/api-service/internal/recent"
	"redrive/pkg/webhook"
)

// Store finds API keys.
type Store interface {
	FindAPIKeyByHash(ctx context.Context, hash [sha256.Size]byte) (webhook.APIKey, error)
}

// Uses is told of every use of a key, and must not wait: keyuse.Recorder.
type Uses interface {
	Used(key webhook.APIKey, at time.Time)
}

// Authenticator authenticates API keys. It remembers those that it has seen for a moment, so that one that is revoked is refused
// within a second; whether one has expired is looked at each time.
type Authenticator struct {
	store Store
	uses  Uses
	seen  *recent.Cache[[sha256.Size]byte, webhook.APIKey]
	good  acquaintances
}

// New makes an Authenticator.
func New(store Store, uses Uses) *Authenticator {
	return &Authenticator{
		store: store, uses: uses, seen: recent.New[[sha256.Size]byte, webhook.APIKey](),
		good: acquaintances{since: map[[sha256.Size]byte]time.Time{}},
	}
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
	now := webhook.Now()
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return webhook.APIKey{}, ErrUnauthenticated
	case err != nil:
		return webhook.APIKey{}, err
	case !key.Valid(now):
		a.good.forget(hash)
		return webhook.APIKey{}, ErrUnauthenticated
	}
	a.good.meet(hash, now)
	a.uses.Used(key, now)
	return key, nil
}

// Forget is for whoever has revoked a key: this process refuses it from here on.
func (a *Authenticator) Forget(key webhook.APIKey) {
	a.seen.Forget(key.KeyHash)
	a.good.forget(key.KeyHash)
}

// Knows says whether a raw key was good when it was last used here, and that not long ago. It asks nobody: it tells a customer
// from somebody at the same address who guesses.
func (a *Authenticator) Knows(raw string) bool {
	return webhook.CheckRawKey(raw) && a.good.knows(webhook.HashAPIKey(raw), webhook.Now())
}

const (
	// memory is how long a key is known after its last use.
	memory = time.Hour
	// capacity bounds the keys that are known. When there are more, all are met anew.
	capacity = 10_000
)

// acquaintances are keys that were good.
type acquaintances struct {
	mutex sync.Mutex
	since map[[sha256.Size]byte]time.Time
}

func (a *acquaintances) meet(hash [sha256.Size]byte, now time.Time) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if _, known := a.since[hash]; !known && len(a.since) >= capacity {
		clear(a.since)
	}
	a.since[hash] = now
}

func (a *acquaintances) forget(hash [sha256.Size]byte) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	delete(a.since, hash)
}

func (a *acquaintances) knows(hash [sha256.Size]byte, now time.Time) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	met, known := a.since[hash]
	return known && now.Sub(met) < memory
}

package web

import (
	"context"
	"encoding/json"
	"time"

	"redrive/api-service/internal/cache"
)

const (
	// snapshotAge is how old an answer may be that a refreshing page is given. Pages refresh every 5 s.
	snapshotAge = 4 * time.Second
	// maxSnapshots is the size of all answers in bytes. All are dropped when there are more.
	maxSnapshots = 8 << 20
	// maxSnapshotSize is the size of the largest answer that is shared, in bytes.
	maxSnapshotSize = 256 << 10
)

// snapshotKey is what an answer of the API depends on. What an organization may read does not depend on the session.
type snapshotKey struct{ organizationID, target string }

// snapshots are recent answers of the API. All viewers of an organization share them, so that the number of open pages does not multiply
// the statements at the database. It is safe for concurrent use.
type snapshots struct {
	cache *cache.Cache[snapshotKey, json.RawMessage]
}

func newSnapshots() snapshots {
	size := cache.Size[json.RawMessage]{Of: func(data json.RawMessage) int { return len(data) }, Value: maxSnapshotSize, All: maxSnapshots}
	return snapshots{cache.NewSized[snapshotKey](snapshotAge, size)}
}

// get returns the answer of fetch. If it may be shared, get returns a recent one, or that of a call at the same time.
func (s snapshots) get(ctx context.Context, key snapshotKey, shared bool, fetch func(context.Context) (json.RawMessage, error)) (json.RawMessage, error) {
	if !shared {
		return fetch(ctx)
	}
	return s.cache.Get(ctx, key, fetch)
}

// drop removes the answers of an organization, because something of it has changed.
func (s snapshots) drop(organizationID string) {
	s.cache.InvalidateKeys(func(key snapshotKey) bool { return key.organizationID == organizationID })
}

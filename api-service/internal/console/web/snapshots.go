package web

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
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

type snapshot struct {
	data json.RawMessage
	at   time.Time
}

// snapshots are recent answers of the API. All viewers of an organization share them, so that the number of open pages does not multiply
// the statements at the database. It is safe for concurrent use.
type snapshots struct {
	mutex  sync.Mutex
	recent map[snapshotKey]snapshot
	calls  singleflight.Group
	now    func() time.Time
}

func newSnapshots(now func() time.Time) *snapshots {
	return &snapshots{recent: map[snapshotKey]snapshot{}, now: now}
}

// get returns the answer of fetch. If it may be shared, get returns a recent one, or that of a call at the same time.
func (s *snapshots) get(ctx context.Context, key snapshotKey, shared bool, fetch func(context.Context) (json.RawMessage, error)) (json.RawMessage, error) {
	if !shared {
		return fetch(ctx)
	}
	if data, ok := s.find(key); ok {
		return data, nil
	}
	// The call may outlive this request, because others may wait for it. Each statement has a deadline of its own.
	made := s.calls.DoChan(key.organizationID+" "+key.target, func() (any, error) {
		data, err := fetch(context.WithoutCancel(ctx))
		if err == nil {
			s.put(key, data)
		}
		return data, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-made:
		data, _ := result.Val.(json.RawMessage)
		return data, result.Err
	}
}

func (s *snapshots) find(key snapshotKey) (json.RawMessage, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, ok := s.recent[key]
	return found.data, ok && s.now().Sub(found.at) < snapshotAge
}

func (s *snapshots) put(key snapshotKey, data json.RawMessage) {
	if len(data) > maxSnapshotSize {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.now()
	size := len(data)
	for other, old := range s.recent {
		if now.Sub(old.at) >= snapshotAge {
			delete(s.recent, other)
			continue
		}
		size += len(old.data)
	}
	if size > maxSnapshots {
		clear(s.recent)
	}
	s.recent[key] = snapshot{data, now}
}

// drop removes the answers of an organization, because something of it has changed.
func (s *snapshots) drop(organizationID string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for key := range s.recent {
		if key.organizationID == organizationID {
			delete(s.recent, key)
		}
	}
}

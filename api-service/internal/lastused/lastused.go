// Package lastused records when each API key was last used, to the minute. Requests do not wait for the write.
//
//	Used ──► pending in memory ──► after a second, one write for all pending keys
//
// A crash loses the pending uses. Close writes them.
package lastused

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"redrive/pkg/webhook"
)

// Interval is how old a recorded time may be. The use of a key is written once in an interval.
const Interval = time.Minute

const (
	// batchDelay is how long uses are collected before they are written together.
	batchDelay = time.Second
	// retryDelay is the time between a failed write and the next one.
	retryDelay = 10 * time.Second
	// writeTimeout bounds one write.
	writeTimeout = 5 * time.Second
	// maxPending bounds the keys of one write. The next request of a key beyond it records that key.
	maxPending = 1000
	// capacity bounds the keys in memory. All are dropped when there are more. The database ignores a second use within the interval.
	capacity = 10_000
)

// Store writes the last uses of keys. It skips a key whose use was written within the interval.
type Store interface {
	RecordKeyUses(ctx context.Context, uses []webhook.APIKeyUse, interval time.Duration) error
}

// Recorder records uses of API keys. It is safe for concurrent use.
type Recorder struct {
	store Store
	log   *slog.Logger

	mutex   sync.Mutex
	seen    map[string]time.Time // by key ID: the last use that was accepted
	pending map[string]time.Time // those of seen that are not written yet
	writing bool
	closed  bool
	closing chan struct{}
	group   sync.WaitGroup
}

// New makes a Recorder. It runs a goroutine only while uses are pending.
func New(store Store, log *slog.Logger) *Recorder {
	return &Recorder{store: store, log: log, seen: map[string]time.Time{}, pending: map[string]time.Time{}, closing: make(chan struct{})}
}

// Used records a use of a key, unless a use within the last Interval is recorded. It does not block.
func (r *Recorder) Used(key webhook.APIKey, at time.Time) {
	if at.Sub(key.LastUsedAt) < Interval {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.closed || at.Sub(r.seen[key.ID]) < Interval || len(r.pending) >= maxPending {
		return
	}
	if len(r.seen) >= capacity {
		clear(r.seen)
	}
	r.seen[key.ID], r.pending[key.ID] = at, at
	if !r.writing {
		r.writing = true
		r.group.Go(r.write)
	}
}

// Close writes the pending uses and stops. Later uses are not recorded. Close may be called again.
func (r *Recorder) Close() {
	r.mutex.Lock()
	if !r.closed {
		r.closed = true
		close(r.closing)
	}
	r.mutex.Unlock()
	r.group.Wait()
}

// write writes pending uses until there are none.
func (r *Recorder) write() {
	delay := batchDelay
	for {
		select {
		case <-time.After(delay):
		case <-r.closing:
		}
		uses := r.take()
		if len(uses) == 0 {
			return
		}
		delay = batchDelay
		if err := r.record(uses); err != nil {
			r.log.Warn("record of API key uses failed", "keys", len(uses), "error", err)
			if !r.putBack(uses) {
				return
			}
			delay = retryDelay
		}
	}
}

func (r *Recorder) record(uses []webhook.APIKeyUse) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return r.store.RecordKeyUses(ctx, uses, Interval)
}

// take removes and returns the pending uses. If there are none, the writer ends, and the next use starts another.
func (r *Recorder) take() []webhook.APIKeyUse {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	uses := make([]webhook.APIKeyUse, 0, len(r.pending))
	for id, at := range r.pending {
		uses = append(uses, webhook.APIKeyUse{ID: id, At: at})
	}
	clear(r.pending)
	r.writing = len(uses) > 0
	return uses
}

// putBack makes uses pending again after a failed write. It returns false if the Recorder is closed.
func (r *Recorder) putBack(uses []webhook.APIKeyUse) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.closed {
		r.writing = false
		return false
	}
	for _, use := range uses {
		if _, newer := r.pending[use.ID]; !newer {
			r.pending[use.ID] = use.At
		}
	}
	return true
}

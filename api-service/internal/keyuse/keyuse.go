// Package keyuse keeps on record when each API key was last used, to the minute and beside the requests: none of them waits for it.
//
//	Used ──► noted in memory ──► a moment later, all that was noted in one write
//
// What is noted and not yet written is lost in a crash. It is written before the service ends.
package keyuse

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"redrive/pkg/webhook"
)

// Interval is how far a time on record may be behind: a key's use is written once in it.
const Interval = time.Minute

const (
	// gather is how long uses are gathered, to be written together.
	gather = time.Second
	// again is how long it takes until a write that failed is tried again.
	again = 10 * time.Second
	// patience is what one write may take.
	patience = 5 * time.Second
	// atOnce bounds the keys that are written together. Others are noted by their next request.
	atOnce = 1000
	// capacity bounds the keys that are remembered. What is forgotten is noted once more, and the database knows better.
	capacity = 10_000
)

// Store writes when keys were last used, but not those that were written within the interval.
type Store interface {
	RecordKeyUses(ctx context.Context, uses []webhook.APIKeyUse, interval time.Duration) error
}

// Recorder is safe for concurrent use.
type Recorder struct {
	store Store
	log   *slog.Logger

	mutex   sync.Mutex
	noted   map[string]time.Time // by key: its last use that was noted
	pending map[string]time.Time // of these, what is not written yet
	writing bool
	closed  bool
	closing chan struct{}
	group   sync.WaitGroup
}

// New makes a Recorder. It has a goroutine only while there is something to write.
func New(store Store, log *slog.Logger) *Recorder {
	return &Recorder{store: store, log: log, noted: map[string]time.Time{}, pending: map[string]time.Time{}, closing: make(chan struct{})}
}

// Used notes that a key has been used, if it is not on record of the last minute. It does not wait.
func (r *Recorder) Used(key webhook.APIKey, at time.Time) {
	if at.Sub(key.LastUsedAt) < Interval {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.closed || at.Sub(r.noted[key.ID]) < Interval || len(r.pending) >= atOnce {
		return
	}
	if len(r.noted) >= capacity {
		clear(r.noted)
	}
	r.noted[key.ID], r.pending[key.ID] = at, at
	if !r.writing {
		r.writing = true
		r.group.Go(r.write)
	}
}

// Close writes what is left and ends. Uses that come later are not noted. It may be called again.
func (r *Recorder) Close() {
	r.mutex.Lock()
	if !r.closed {
		r.closed = true
		close(r.closing)
	}
	r.mutex.Unlock()
	r.group.Wait()
}

// write goes on until there is nothing left to write.
func (r *Recorder) write() {
	delay := gather
	for {
		select {
		case <-time.After(delay):
		case <-r.closing:
		}
		uses := r.take()
		if len(uses) == 0 {
			return
		}
		delay = gather
		if err := r.record(uses); err != nil {
			r.log.Warn("could not record the use of API keys", "keys", len(uses), "error", err)
			if !r.putBack(uses) {
				return
			}
			delay = again
		}
	}
}

func (r *Recorder) record(uses []webhook.APIKeyUse) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return r.store.RecordKeyUses(ctx, uses, Interval)
}

// take empties what is pending. If there is nothing, the writer ends, and the next use starts another.
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

// putBack keeps for the next time what could not be written, unless there will be none.
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

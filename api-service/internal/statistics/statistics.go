// Package statistics reads what was counted of an organization, and counts what waits.
//
// A count of what waits that took long is used again: for a multiple of that time, and at most for 10 s. Counting therefore takes at most a
// twentieth of a connection's time for requests that follow each other, and a small backlog is counted for nearly every request. Concurrent
// requests count by themselves.
package statistics

import (
	"context"
	"sync"
	"time"

	"redrive/pkg/webhook"
)

// Store reads roll-ups, and counts waiting deliveries up to a limit. store.Store implements it.
type Store interface {
	ReadStatistics(ctx context.Context, q webhook.StatisticsQuery) ([]webhook.CountedAt, webhook.Counting, error)
	CountWaitingBy(ctx context.Context, organizationID, endpointID string, limit int) (webhook.Waiting, error)
}

const (
	// reuse is how many times longer than it took a count is used. longest bounds that time: the contract allows a count of 15 s ago.
	reuse   = 20
	longest = 10 * time.Second
	// capacity bounds the counts in memory. All are dropped when there are more.
	capacity = 10_000
)

// Reader reads statistics. It is safe for concurrent use.
type Reader struct {
	store Store

	mutex sync.Mutex
	known map[subject]counted
}

// subject is an organization, or one of its endpoints.
type subject struct{ organizationID, endpointID string }

type counted struct {
	waiting webhook.Waiting
	expires time.Time
}

// New makes a Reader.
func New(store Store) *Reader { return &Reader{store: store, known: map[subject]counted{}} }

// Read returns the statistics of a query, and what waits now.
func (r *Reader) Read(ctx context.Context, q webhook.StatisticsQuery, now time.Time) (webhook.Statistics, webhook.Waiting, error) {
	found, since, err := r.store.ReadStatistics(ctx, q)
	if err != nil {
		return webhook.Statistics{}, webhook.Waiting{}, err
	}
	waiting, err := r.waiting(ctx, subject{q.OrganizationID, q.EndpointID})
	return q.Statistics(found, since, now), waiting, err
}

func (r *Reader) waiting(ctx context.Context, of subject) (webhook.Waiting, error) {
	r.mutex.Lock()
	last, known := r.known[of]
	r.mutex.Unlock()
	began := time.Now()
	if known && began.Before(last.expires) {
		return last.waiting, nil
	}
	waiting, err := r.store.CountWaitingBy(ctx, of.organizationID, of.endpointID, webhook.MaxCountedWaiting)
	if err != nil {
		return waiting, err
	}
	took := time.Since(began)
	r.keep(of, counted{waiting, began.Add(min(took+reuse*took, longest))})
	return waiting, nil
}

func (r *Reader) keep(of subject, c counted) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(r.known) >= capacity {
		clear(r.known)
	}
	r.known[of] = c
}

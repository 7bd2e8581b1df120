package store

import (
	"context"
	"sync"
	"time"

	"redrive/pkg/webhook"
)

// bulkSources keeps the sources of jobs in progress, so that a step does not probe the filter again.
type bulkSources struct {
	mutex sync.Mutex
	byJob map[string]keptSource
}

type keptSource struct {
	source bulkSource
	until  time.Time
}

// sourceKept is how long a source is used. The probes that have chosen it may be older than what was published meanwhile.
const sourceKept = 30 * time.Second

// keptSource is bulkSource for the step of a job. That of webhook.BulkDeliver depends on what the endpoint subscribes to now, and is not kept.
func (s *Store) keptSource(ctx context.Context, job webhook.BulkJob) (bulkSource, error) {
	if job.Action == webhook.BulkDeliver {
		return s.bulkSource(ctx, job)
	}
	if source, kept := s.sources.find(job.ID); kept {
		return source, nil
	}
	source, err := s.bulkSource(ctx, job)
	if err == nil {
		s.sources.keep(job.ID, source)
	}
	return source, err
}

func (b *bulkSources) find(jobID string) (bulkSource, bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	kept, ok := b.byJob[jobID]
	return kept.source, ok && time.Now().Before(kept.until)
}

func (b *bulkSources) keep(jobID string, source bulkSource) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := time.Now()
	for id, kept := range b.byJob {
		if !now.Before(kept.until) {
			delete(b.byJob, id)
		}
	}
	if b.byJob == nil {
		b.byJob = map[string]keptSource{}
	}
	b.byJob[jobID] = keptSource{source, now.Add(sourceKept)}
}

func (b *bulkSources) forget(jobID string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	delete(b.byJob, jobID)
}

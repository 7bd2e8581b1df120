package publish

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

const (
	// keyWait is how long a request waits for the first request with its key.
	keyWait = 5 * time.Second
	// The pause between two lookups doubles from firstPause to lastPause. The first request usually needs one commit.
	firstPause, lastPause = 10 * time.Millisecond, 250 * time.Millisecond
)

// settleOne is settle for one publication.
func (p *Publisher) settleOne(ctx context.Context, organizationID string, publication webhook.Publication) (Published, error) {
	result := &Result{Published: Published{Publication: publication}}
	if err := p.settle(ctx, organizationID, []*Result{result}); err != nil {
		return Published{}, err
	}
	return result.Published, result.Err
}

// settle completes the results whose keys were taken. A key that is recorded makes its result a duplicate, or an error if its content is
// another. A key that is not recorded belongs to a request that is in progress or has failed: settle tries to create the event again, until
// keyWait has passed. It holds no connection to the database while it waits.
func (p *Publisher) settle(ctx context.Context, organizationID string, taken []*Result) error {
	began := time.Now()
	pauses := lifecycle.Backoff{First: firstPause, Longest: lastPause}
	for {
		unrecorded, err := p.useRecorded(ctx, organizationID, taken)
		if err != nil || len(unrecorded) == 0 {
			return err
		}
		if time.Since(began) >= keyWait {
			return webhook.ErrIdempotencyInProgress
		}
		if err := pauses.Sleep(ctx); err != nil {
			return err
		}
		if taken, err = p.createAgain(ctx, unrecorded); err != nil || len(taken) == 0 {
			return err
		}
	}
}

// useRecorded completes the results whose keys are recorded, and returns the others.
func (p *Publisher) useRecorded(ctx context.Context, organizationID string, taken []*Result) (unrecorded []*Result, err error) {
	if len(taken) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	hashes := make([][sha256.Size]byte, len(taken))
	for i, result := range taken {
		hashes[i] = result.Key.Hash
	}
	recorded, err := p.store.FindRecorded(ctx, organizationID, hashes)
	if err != nil {
		return nil, err
	}
	var duplicates []*Result
	for _, result := range taken {
		first, found := recorded[result.Key.Hash]
		switch {
		case !found:
			unrecorded = append(unrecorded, result)
		case first.Fingerprint != result.Key.Fingerprint:
			result.Err = webhook.IdempotencyKeyReused("idempotencyKey")
		default:
			duplicates = append(duplicates, result)
			// The content is the same, so that the event need not be read.
			result.Event.ID, result.Event.CreatedAt, result.Duplicate = first.SubjectID, first.At, true
		}
	}
	return unrecorded, p.readDeliveries(ctx, organizationID, duplicates)
}

// readDeliveries replaces the deliveries of duplicates by those of the first event.
func (p *Publisher) readDeliveries(ctx context.Context, organizationID string, duplicates []*Result) error {
	if len(duplicates) == 0 {
		return nil
	}
	ids := make([]string, len(duplicates))
	for i, result := range duplicates {
		ids[i] = result.Event.ID
	}
	deliveries, err := p.store.ListPublished(ctx, organizationID, ids)
	for _, result := range duplicates {
		result.Deliveries = deliveries[result.Event.ID]
	}
	return err
}

// createAgain tries to create events whose keys were taken and not recorded. It returns those whose keys are still taken.
func (p *Publisher) createAgain(ctx context.Context, results []*Result) (taken []*Result, failed error) {
	publications := make([]webhook.Publication, len(results))
	for i, result := range results {
		publications[i] = result.Publication
	}
	var deliveries []webhook.Delivery
	for i, err := range p.create(ctx, publications) {
		switch {
		case errors.Is(err, webhook.ErrIdempotencyKeyTaken):
			taken = append(taken, results[i])
		case err != nil:
			failed = err
		default:
			deliveries = append(deliveries, publications[i].Deliveries...)
		}
	}
	p.queue.Enqueue(ctx, deliveries...)
	return taken, failed
}

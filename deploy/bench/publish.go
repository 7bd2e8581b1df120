package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"redrive/deploy/bench/report"
)

// roundPublish publishes while no dispatcher runs, to measure acceptance alone. Each part is preceded by its plain INSERT.
func roundPublish(ctx context.Context, s *session) error {
	c, err := s.paused(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if s.wants(rowInsert) {
		if err := measureInserts(ctx, s, s.running.(*services).database, c); err != nil {
			return err
		}
	}
	if s.wants(rowPublishSingle) {
		s.progress.say("%s: %d events", rowPublishSingle, s.amounts.publish)
		done, err := publishSingles(ctx, c, s.amounts.publish)
		if err != nil {
			return err
		}
		noteTally(&s.samples, rowPublishSingle, done)
	}
	if s.wants(rowPublishKeyed) {
		s.progress.say("%s: %d events", rowPublishKeyed, s.amounts.publish)
		done, err := publishKeyed(ctx, c, s.amounts.publish)
		if err != nil {
			return err
		}
		noteTally(&s.samples, rowPublishKeyed, done)
	}
	if s.wants(rowPublishBatch) {
		if err := measureBatches(ctx, s, c); err != nil {
			return err
		}
	}
	return s.running.clear(ctx)
}

// paused makes a customer with one endpoint on a system that makes no attempts.
func (s *session) paused(ctx context.Context) (*customer, error) {
	running, c, _, err := s.subscribed(ctx)
	if err != nil {
		return nil, err
	}
	return c, running.pause(ctx)
}

func measureBatches(ctx context.Context, s *session, c *customer) error {
	s.progress.say("%s: %d events", rowPublishBatch, s.amounts.publishBatch)
	done, err := publishBatches(ctx, c, s.amounts.publishBatch)
	if errors.Is(err, errNoRoute) {
		s.samples.Miss(rowPublishBatch, reasonNoBatches)
		return nil
	}
	if err != nil {
		return err
	}
	noteTally(&s.samples, rowPublishBatch, done)
	return nil
}

const reasonNoBatches = "the API has no route for batches"

// noteTally adds a rate and the percentiles of its requests.
func noteTally(samples *report.Samples, row string, t tally) {
	samples.Add(row, t.rate())
	samples.Add(report.Detail(row, detailP50), t.percentile(0.5))
	samples.Add(report.Detail(row, detailP99), t.percentile(0.99))
}

// publishSingles publishes one event per request.
func publishSingles(ctx context.Context, c *customer, count int) (tally, error) {
	body := eventBody(eventType)
	answers := make([]bytes.Buffer, publishConnections)
	return closedLoop(ctx, publishConnections, count, func(ctx context.Context, connection, _ int) error {
		return c.send(ctx, http.MethodPost, pathEvents, body, &answers[connection])
	})
}

// publishKeyed publishes one event per request, each with a new idempotency key.
func publishKeyed(ctx context.Context, c *customer, count int) (tally, error) {
	event := bytes.TrimSuffix(eventBody(eventType), []byte("}"))
	run := rand.Text()
	answers := make([]bytes.Buffer, publishConnections)
	return closedLoop(ctx, publishConnections, count, func(ctx context.Context, connection, i int) error {
		body := fmt.Appendf(bytes.Clone(event), `,"idempotencyKey":"%s/%d"}`, run, i)
		return c.send(ctx, http.MethodPost, pathEvents, body, &answers[connection])
	})
}

// publishBatches publishes events in batches. The tally counts events, and its latencies are those of requests.
func publishBatches(ctx context.Context, c *customer, count int) (tally, error) {
	full := batchBody(eventType, batchEvents)
	rest := batchBody(eventType, (count-1)%batchEvents+1)
	requests := (count + batchEvents - 1) / batchEvents
	answers := make([]bytes.Buffer, publishConnections)
	done, err := closedLoop(ctx, publishConnections, requests, func(ctx context.Context, connection, i int) error {
		body := full
		if i == requests-1 {
			body = rest
		}
		if err := c.send(ctx, http.MethodPost, pathBatch, body, &answers[connection]); err != nil {
			return err
		}
		if bytes.Contains(answers[connection].Bytes(), []byte(`"error":`)) {
			return errors.New("an event of a batch was refused: " + firstBytes(&answers[connection]))
		}
		return nil
	})
	done.count = count
	return done, err
}

func firstBytes(b *bytes.Buffer) string {
	const shown = 300
	return string(b.Bytes()[:min(b.Len(), shown)])
}

// publishAll publishes in the fastest way. It is for preparation, not for measurement.
func publishAll(ctx context.Context, c *customer, count int) error {
	_, err := publishBatches(ctx, c, count)
	if errors.Is(err, errNoRoute) {
		_, err = publishSingles(ctx, c, count)
	}
	if err != nil {
		return fmt.Errorf("publish %d events: %w", count, err)
	}
	return nil
}

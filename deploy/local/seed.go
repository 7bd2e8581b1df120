package local

import (
	"context"
	"fmt"
	"time"
)

// Seed leaves one endpoint and one delivery that has ended in failure in a folder that has none, so that there is something
// to retry, and returns the ID of a failed delivery; it is empty if none has failed.
func (l *Local) Seed(ctx context.Context) (failedID string, err error) {
	c := newClient(l)
	known, err := c.latest(ctx)
	if err != nil {
		return "", err
	}
	if len(known) == 0 {
		return l.seed(ctx, c)
	}
	for _, d := range known {
		if d.Status == "failure" {
			return d.ID, nil
		}
	}
	return "", nil
}

func (l *Local) seed(ctx context.Context, c client) (string, error) {
	endpoints, err := c.countEndpoints(ctx)
	if err != nil {
		return "", err
	}
	if endpoints == 0 { // one may be there from a first start that was killed at this very point
		if err := c.createEndpoint(ctx, "sample receiver", l.Addresses().Receiver+"/flaky", 0); err != nil {
			return "", err
		}
	}
	published, err := c.publish(ctx, "run.finished", map[string]any{"workflow": "nightly-report", "status": "succeeded", "durationMs": 1834})
	if err != nil {
		return "", err
	}
	if err := c.await(ctx, published.ID, func(d delivery) bool { return d.Status == "failure" }); err != nil {
		return "", fmt.Errorf("seed a failed delivery: %w", err)
	}
	return published.ID, nil
}

// await asks again and again until the delivery is as it should be.
func (c client) await(ctx context.Context, id string, reached func(delivery) bool) error {
	const interval, patience = 20 * time.Millisecond, 15 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		d, err := c.find(ctx, id)
		if err != nil || reached(d) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("delivery %s stayed %s: %w", id, d.Status, ctx.Err())
		case <-time.After(interval):
		}
	}
}

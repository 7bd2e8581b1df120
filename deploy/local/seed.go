package local

import (
	"context"
	"fmt"
	"time"
)

// sampleName is the name of the sample receiver's endpoint.
const sampleName = "sample receiver"

// sampleURL is the URL of the sample receiver's endpoint.
func sampleURL(a Addresses) string { return a.Receiver + "/flaky" }

// Seed creates an endpoint for the sample receiver unless there is one, and a failed delivery to a new endpoint. It returns the ID of
// a failed delivery to that endpoint, or an empty ID if there is none. It disables the endpoint of an earlier address of the receiver.
func (l *Local) Seed(ctx context.Context) (failedID string, err error) {
	c := newClient(l.Addresses(), l.key)
	url := sampleURL(l.Addresses())
	known, err := c.endpoints(ctx)
	if err != nil {
		return "", err
	}
	var sample endpoint
	for _, e := range known {
		switch {
		case e.URL == url && e.Status == "active":
			sample = e
		case e.Name == sampleName && e.Status == "active":
			if err := c.disable(ctx, e.ID); err != nil {
				return "", err
			}
		}
	}
	if sample.ID == "" {
		if sample, err = c.createEndpoint(ctx, sampleName, url, 0); err != nil {
			return "", err
		}
	}
	sent, err := c.latestOf(ctx, sample.ID)
	if err != nil {
		return "", err
	}
	if len(sent) == 0 { // it is new, or its first start was killed at this point
		return c.fail(ctx, sample.ID)
	}
	for _, d := range sent {
		if d.Status == "failure" {
			return d.ID, nil
		}
	}
	return "", nil
}

// fail publishes an event whose delivery to the endpoint ends in failure.
func (c client) fail(ctx context.Context, endpointID string) (string, error) {
	id, err := c.publish(ctx, "run.finished", map[string]any{"workflow": "nightly-report", "status": "succeeded", "durationMs": 1834}, endpointID)
	if err != nil {
		return "", err
	}
	if err := c.await(ctx, id, func(d delivery) bool { return d.Status == "failure" }); err != nil {
		return "", fmt.Errorf("seed a failed delivery: %w", err)
	}
	return id, nil
}

// await polls the delivery until it has the expected state.
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

package nodes

import (
	"context"
	"errors"
	"sync"
	"time"

	"redrive/deploy/chaos/internal/load"
)

const (
	// rate is the deliveries that are published each second.
	rate = 40
	// organizations is how many customers publish.
	organizations = 2
	// loadLimit is longer than any drill.
	loadLimit = 20 * time.Minute
	// warmUp is how many requests the receiver has got before anything is broken.
	warmUp = 2 * rate
)

// publish registers the endpoints and begins the load, which goes on until halt.
func (w *world) publish(ctx context.Context) error {
	w.client = load.NewClient()
	w.answers = &answers{next: w.client.Transport}
	w.client.Transport = w.answers
	retries := w.maxRetries
	if retries == 0 {
		retries = defaultMaxRetries
	}
	registration := load.Registration{
		API: w.url(), Client: w.client, NewKey: w.newKey, Receiver: w.receiver, MaxRetries: retries, Organizations: organizations,
	}
	customers, paths, err := registration.Register(ctx)
	if err != nil {
		return err
	}
	w.load, w.paths = load.New(w.url(), w.client, customers), paths
	w.retries = newRetries(w.url(), w.client, customers)

	loading, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { w.load.Publish(loading, rate*int(loadLimit/time.Second), loadLimit, nil) })
	group.Go(func() { w.retries.run(loading, w.load) })
	w.halt = func() {
		stop()
		group.Wait()
	}
	return until(ctx, startPatience, func() (bool, error) { return w.receiver.Count() >= warmUp, nil })
}

const lookInterval = 50 * time.Millisecond

var errPatience = errors.New("it took too long")

// until looks again and again for what gives no signal. A look that fails is one that did not see it.
func until(ctx context.Context, patience time.Duration, holds func() (bool, error)) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for {
		held, err := holds()
		if held && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return errors.Join(errPatience, err)
		case <-ticker.C:
		}
	}
}

// pause waits for a time, or until the run is interrupted.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

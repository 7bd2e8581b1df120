package nodes

import (
	"context"
	"sync"
	"time"

	"redrive/deploy/chaos/internal/await"
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
	return await.Until(ctx, startPatience, func() (bool, error) { return w.receiver.Count() >= warmUp, nil })
}

// Package summary publishes why the deliveries of this dispatcher wait. Circuits, slots and reservations are in the memory of the
// process; the API reads the summaries of all dispatchers to explain a delivery.
package summary

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
)

const (
	// interval is how often a summary is published. An unchanged one costs Redis one command.
	interval = time.Second
	// timeout bounds one publication, so that the next is not late.
	timeout = time.Second
)

// Publication publishes summaries. queue.Summaries implements it.
type Publication interface {
	Publish(ctx context.Context, summary queue.Summary) error
	Remove(ctx context.Context) error
}

// Source adds its part to a summary: bulkhead.Bulkheads, deliver.Deliverer and claim.Claimer.
type Source interface {
	Summarize(summary *queue.Summary)
}

// Publisher publishes a summary every second between Start and Stop.
type Publisher struct {
	publication Publication
	sources     []Source
	log         *slog.Logger
	host        string
	failing     lifecycle.Streak
	background  lifecycle.Background
}

// New makes a Publisher of what the sources add.
func New(publication Publication, log *slog.Logger, sources ...Source) *Publisher {
	host, _ := os.Hostname() // without a name, a dispatcher is known by its ID alone
	return &Publisher{publication: publication, sources: sources, log: log, host: host}
}

// Start publishes at once and then every second, until Stop is called.
func (p *Publisher) Start() {
	p.background.Start(func(ctx context.Context) {
		for ctx.Err() == nil {
			p.publish(ctx)
			_ = lifecycle.Sleep(ctx, interval) // the loop ends with ctx
		}
	})
}

// Stop ends the publication and removes the summary, so that it does not outlive the dispatcher. It returns an error if ctx ends before
// the call to Redis in progress. If Redis is unavailable, the summary expires by itself. Stop may be called before Start, and more than once.
func (p *Publisher) Stop(ctx context.Context) error {
	if err := p.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for the summary to be published: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := p.publication.Remove(ctx); err != nil {
		p.log.WarnContext(ctx, "summary of the dispatcher not removed: it expires", "error", err)
	}
	return nil
}

func (p *Publisher) publish(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	summary := queue.Summary{Dispatcher: queue.DispatcherState{Host: p.host}}
	for _, source := range p.sources {
		source.Summarize(&summary)
	}
	err := p.publication.Publish(bounded, summary)
	if ctx.Err() != nil {
		return // the dispatcher stops
	}
	if began, _ := p.failing.Note(err); began {
		p.log.WarnContext(ctx, "summary of the dispatcher not published", "error", err)
	}
}

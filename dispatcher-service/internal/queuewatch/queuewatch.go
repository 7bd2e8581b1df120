// Package queuewatch notices what stands in the way of the queue although Redis serves: an operator has paused it, or another
// installation uses the same Redis database. Neither ends the service. A paused queue is wanted, and a refusal to start over another
// installation could be wrong: a database that was moved looks like one for a minute.
package queuewatch

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// Queue says how the queue is used: queue.Enqueuer.
type Queue interface {
	CheckPaused(ctx context.Context, queue string) error
	RegisterInstallation(ctx context.Context, installation string) (others []string, err error)
}

// Store names the installation: store.Store. An empty name is one that cannot be told from others.
type Store interface {
	Installation(ctx context.Context) (string, error)
}

const (
	interval = 5 * time.Second
	timeout  = 2 * time.Second
)

// ErrShared says that another installation uses the same Redis database.
var ErrShared = errors.New("another installation uses the same Redis database")

// Watcher looks every 5 s until it is stopped.
type Watcher struct {
	queue                   Queue
	store                   Store
	log                     *slog.Logger
	installation            string
	unnamed                 bool
	paused, shared          atomic.Bool
	pausedGauge, otherGauge prometheus.Gauge
	cancel                  context.CancelFunc
	stopped                 chan struct{}
}

// New makes a Watcher and registers its metrics.
func New(q Queue, s Store, log *slog.Logger, registry prometheus.Registerer) *Watcher {
	w := &Watcher{
		queue: q, store: s, log: log,
		pausedGauge: prometheus.NewGauge(prometheus.GaugeOpts{Name: "redrive_queue_paused", Help: "1 while the queue is paused by an operator."}),
		otherGauge: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redrive_queue_other_installations", Help: "Other installations that use the same Redis database.",
		}),
	}
	registry.MustRegister(w.pausedGauge, w.otherGauge)
	return w
}

// Paused returns queue.ErrPaused while the queue is paused.
func (w *Watcher) Paused(context.Context) error {
	if w.paused.Load() {
		return queue.ErrPaused
	}
	return nil
}

// Shared returns ErrShared while another installation uses the same Redis database.
func (w *Watcher) Shared(context.Context) error {
	if w.shared.Load() {
		return ErrShared
	}
	return nil
}

// Start looks at once, and then at intervals.
func (w *Watcher) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel, w.stopped = cancel, make(chan struct{})
	go func() {
		defer close(w.stopped)
		for {
			w.Look(ctx)
			select {
			case <-ctx.Done():
				return
			case <-time.After(interval):
			}
		}
	}()
}

// Stop ends the look under way. It may be called before Start, and again.
func (w *Watcher) Stop(ctx context.Context) error {
	if w.cancel == nil {
		return nil
	}
	w.cancel()
	select {
	case <-w.stopped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Look notes what has changed. What cannot be found out, because Redis or the database is away, stays as it was.
func (w *Watcher) Look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	switch err := w.queue.CheckPaused(ctx, webhook.QueueDeliveries); {
	case err == nil:
		w.notePaused(ctx, false)
	case errors.Is(err, queue.ErrPaused):
		w.notePaused(ctx, true)
	}
	if w.installation == "" {
		name, err := w.store.Installation(ctx)
		if err != nil {
			w.noteUnnamed(ctx, err)
			return
		}
		if name == "" {
			return
		}
		w.installation = name
	}
	if others, err := w.queue.RegisterInstallation(ctx, w.installation); err == nil {
		w.noteOthers(ctx, others)
	}
}

// noteUnnamed logs once that the database refuses to name the installation. A database that is away is asked again.
func (w *Watcher) noteUnnamed(ctx context.Context, err error) {
	if w.unnamed || ctx.Err() != nil || webhook.CodeOf(err) == webhook.CodeUnavailable {
		return
	}
	w.unnamed = true
	w.log.WarnContext(ctx, "another installation on the same Redis database is not detected: grant the role EXECUTE on pg_control_system()",
		"error", err)
}

func (w *Watcher) notePaused(ctx context.Context, paused bool) {
	if w.paused.Swap(paused) == paused {
		return
	}
	if paused {
		w.pausedGauge.Set(1)
		w.log.WarnContext(ctx, "the queue is paused: nothing is sent until an operator resumes it", "queue", webhook.QueueDeliveries)
		return
	}
	w.pausedGauge.Set(0)
	w.log.InfoContext(ctx, "the queue is resumed", "queue", webhook.QueueDeliveries)
}

func (w *Watcher) noteOthers(ctx context.Context, others []string) {
	w.otherGauge.Set(float64(len(others)))
	shared := len(others) > 0
	if w.shared.Swap(shared) == shared {
		return
	}
	if shared {
		w.log.ErrorContext(ctx, "another installation uses the same Redis database: give each its own REDIS_URL",
			"installation", w.installation, "others", others)
		return
	}
	w.log.InfoContext(ctx, "no other installation uses the same Redis database any more")
}

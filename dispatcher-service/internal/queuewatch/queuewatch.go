// Package queuewatch detects two faults of a queue whose Redis works: an operator has paused the queue, or another installation uses the
// same Redis database.
//
// Neither stops the service. A pause is intended. An installation whose database was moved looks like another one for a minute, so
// refusing to start could be wrong.
package queuewatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// Queue reports pauses and other installations. queue.Enqueuer implements it.
type Queue interface {
	CheckPaused(ctx context.Context, queue string) error
	RegisterInstallation(ctx context.Context, installation string) (others []string, err error)
}

// Store returns the name of the installation, or an empty one if the database has none. store.Store implements it.
type Store interface {
	Installation(ctx context.Context) (string, error)
}

const (
	interval = 5 * time.Second
	timeout  = 2 * time.Second
)

// ErrShared means that another installation uses the same Redis database.
var ErrShared = errors.New("another installation uses the same Redis database")

// Watcher checks the queue every 5 s between Start and Stop. Paused and Shared are safe for concurrent use.
type Watcher struct {
	queue                   Queue
	store                   Store
	log                     *slog.Logger
	installation            string
	unnamed                 bool // logged that the database refuses to name the installation
	paused, shared          atomic.Bool
	pausedGauge, otherGauge prometheus.Gauge
	background              lifecycle.Background
}

// New returns a Watcher and registers its metrics.
func New(q Queue, s Store, log *slog.Logger, registry prometheus.Registerer) *Watcher {
	w := &Watcher{
		queue: q, store: s, log: log,
		pausedGauge: prometheus.NewGauge(prometheus.GaugeOpts{Name: "redrive_queue_paused", Help: "1 while the queue is paused, else 0."}),
		otherGauge: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redrive_queue_other_installations", Help: "Number of other installations that use the same Redis database.",
		}),
	}
	registry.MustRegister(w.pausedGauge, w.otherGauge)
	return w
}

// Paused returns queue.ErrPaused if the queue was paused at the last check.
func (w *Watcher) Paused(context.Context) error {
	if w.paused.Load() {
		return queue.ErrPaused
	}
	return nil
}

// Shared returns ErrShared if another installation used the same Redis database at the last check.
func (w *Watcher) Shared(context.Context) error {
	if w.shared.Load() {
		return ErrShared
	}
	return nil
}

// Start checks at once and then every 5 s, until Stop is called.
func (w *Watcher) Start() {
	w.background.Start(func(ctx context.Context) {
		for ctx.Err() == nil {
			w.Check(ctx)
			_ = lifecycle.Sleep(ctx, interval) // the loop ends with ctx
		}
	})
}

// Stop cancels the check in progress and waits for its end until ctx ends. It may be called before Start, and more than once.
func (w *Watcher) Stop(ctx context.Context) error {
	if err := w.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for the check in progress: %w", err)
	}
	return nil
}

// Check checks the queue once. If Redis or the database is unavailable, the last results stay valid.
func (w *Watcher) Check(ctx context.Context) {
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

// noteUnnamed logs once that the database refuses to name the installation. It logs nothing if the database is unavailable.
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
		w.log.WarnContext(ctx, "queue paused: nothing is sent until an operator resumes it", "queue", webhook.QueueDeliveries)
		return
	}
	w.pausedGauge.Set(0)
	w.log.InfoContext(ctx, "queue resumed", "queue", webhook.QueueDeliveries)
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
	w.log.InfoContext(ctx, "no other installation uses the same Redis database")
}

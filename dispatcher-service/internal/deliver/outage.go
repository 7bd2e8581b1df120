package deliver

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

// outage tracks whether the database is unavailable. Nothing is sent meanwhile, because outcomes could not be recorded: workers
// block in wait, and one of them probes the database. It is safe for concurrent use.
type outage struct {
	writable func(context.Context) error
	timeout  time.Duration // of a probe
	log      *slog.Logger
	gauge    prometheus.Gauge
	// draining is closed when no worker may wait any longer.
	draining chan struct{}
	// probing holds a value while a worker probes.
	probing chan struct{}

	mutex sync.Mutex
	began time.Time
	over  chan struct{} // closed when the outage ends; nil without one
}

var (
	errUnavailable = errors.New("the database is unavailable: the delivery is retried shortly")
	errDraining    = errors.New("the database is unavailable and this dispatcher is stopping: another one takes the delivery")
)

// The pause between two probes doubles from the first to the longest. It is jittered, so that a fleet does not probe in step. The longest is
// half of the 2 s in which a dispatcher works again after a failover.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = time.Second
)

func newOutage(o Options, registry prometheus.Registerer) *outage {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "redrive_database_away", Help: "1 while the dispatcher starts no attempts because its database is unavailable.",
	})
	registry.MustRegister(gauge)
	return &outage{
		writable: o.Store.Writable, timeout: o.DatabaseTimeout, log: o.Log, gauge: gauge,
		draining: make(chan struct{}), probing: make(chan struct{}, 1),
	}
}

// observe begins an outage if err has code webhook.CodeUnavailable.
func (o *outage) observe(ctx context.Context, err error) {
	if webhook.CodeOf(err) != webhook.CodeUnavailable {
		return
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.over == nil {
		o.over, o.began = make(chan struct{}), time.Now()
		o.gauge.Set(1)
		o.log.WarnContext(ctx, "database unavailable: no attempts are started", "error", err)
	}
}

// end ends the outage, if there is one.
func (o *outage) end(ctx context.Context) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.over != nil {
		close(o.over)
		o.over = nil
		o.gauge.Set(0)
		o.log.InfoContext(ctx, "database available again", "awaySeconds", time.Since(o.began).Seconds())
	}
}

// resolved returns a channel that is closed when the outage ends, or nil if there is none.
func (o *outage) resolved() <-chan struct{} {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.over
}

// isDraining reports whether this process is stopping.
func (o *outage) isDraining() bool {
	select {
	case <-o.draining:
		return true
	default:
		return false
	}
}

// wait returns nil once there is no outage. It returns an error if the process drains or ctx ends first.
func (o *outage) wait(ctx context.Context) error {
	for {
		over := o.resolved()
		if over == nil {
			return nil
		}
		select {
		case <-over:
		case <-o.draining:
			return errDraining
		case <-ctx.Done():
			return ctx.Err()
		case o.probing <- struct{}{}:
			err := o.probe(ctx, over)
			<-o.probing
			if err != nil {
				return err
			}
		}
	}
}

// probe pings the database until it responds or the outage has ended otherwise.
func (o *outage) probe(ctx context.Context, over <-chan struct{}) error {
	pauses := lifecycle.Backoff{First: firstPause, Longest: longestPause}
	for {
		select {
		case <-over:
			return nil
		case <-o.draining:
			return errDraining
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(jittered(pauses.Next())):
		}
		if err := o.ping(ctx); err == nil {
			o.end(ctx)
			return nil
		}
	}
}

func (o *outage) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	return o.writable(ctx)
}

// jittered returns between half and one and a half of the pause.
func jittered(pause time.Duration) time.Duration { return pause/2 + rand.N(pause) }

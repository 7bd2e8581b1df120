package queue

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Outage detects from the results of a client's commands that Redis is unavailable: it cannot be reached, does not reply in time, or
// replies that it cannot serve commands. It logs one line when the outage begins and one when it ends. Callers need not log errors that
// the outage causes. It is safe for concurrent use.
type Outage struct {
	log    *slog.Logger
	gauge  prometheus.Gauge
	active atomic.Bool

	mutex         sync.Mutex
	since, failed time.Time
}

// outageCalm is how long no command may have failed for the outage to end. While Redis recovers, some commands fail and others succeed.
const outageCalm = time.Second

// NewOutage returns an Outage that observes the client's commands, and registers its metric.
func NewOutage(client redis.UniversalClient, log *slog.Logger, registry prometheus.Registerer) *Outage {
	o := &Outage{log: log, gauge: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "redrive_redis_away", Help: "1 while Redis is unavailable, else 0.",
	})}
	registry.MustRegister(o.gauge)
	client.AddHook(outageHook{o})
	return o
}

// Active reports whether Redis is unavailable.
func (o *Outage) Active() bool { return o.active.Load() }

// Quiet returns a logger that lowers warnings and errors to the level debug during an outage. It is for code whose only failures are those
// of Redis.
func (o *Outage) Quiet(log *slog.Logger) *slog.Logger {
	return slog.New(quietHandler{log.Handler(), o})
}

func (o *Outage) observe(ctx context.Context, err error) {
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, redis.ErrClosed):
	case isOutage(err):
		o.begin(ctx, err)
	case o.active.Load():
		o.end(ctx)
	}
}

func (o *Outage) begin(ctx context.Context, err error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.failed = time.Now()
	if o.active.Load() {
		return
	}
	o.since = o.failed
	o.active.Store(true)
	o.gauge.Set(1)
	o.log.WarnContext(ctx, "redis unavailable", "error", err)
}

func (o *Outage) end(ctx context.Context) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if !o.active.Load() || time.Since(o.failed) < outageCalm {
		return
	}
	o.active.Store(false)
	o.gauge.Set(0)
	o.log.InfoContext(ctx, "redis available again", "seconds", time.Since(o.since).Seconds())
}

// isOutage reports whether an error means that Redis is unavailable: there was no reply, or the reply is one with which Redis refuses every
// command.
func isOutage(err error) bool {
	var answer redis.Error
	switch {
	case err == nil || errors.Is(err, redis.Nil):
		return false
	case !errors.As(err, &answer):
		return true
	}
	for _, prefix := range []string{
		"LOADING ", "READONLY ", "MASTERDOWN ", "CLUSTERDOWN ", "OOM ", "MISCONF ", "NOREPLICAS ", "BUSY ", "max number of clients",
		"NOAUTH ", "WRONGPASS ",
	} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

// outageHook passes the results of commands to an Outage.
type outageHook struct{ outage *Outage }

// DialHook changes nothing: a failed dial becomes the error of a command.
func (h outageHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook observes the result of a command.
func (h outageHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		err := next(ctx, command)
		h.outage.observe(ctx, err)
		return err
	}
}

// ProcessPipelineHook observes the first error of a pipeline.
func (h outageHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		err := next(ctx, commands)
		h.outage.observe(ctx, err)
		return err
	}
}

// quietHandler lowers the level of records during an outage.
type quietHandler struct {
	slog.Handler
	outage *Outage
}

// Handle handles a record, with a lower level during an outage.
func (h quietHandler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level > slog.LevelInfo && h.outage.Active() {
		record.Level = slog.LevelDebug
		if !h.Enabled(ctx, slog.LevelDebug) {
			return nil
		}
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs returns a quietHandler with the attributes.
func (h quietHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(attributes), h.outage}
}

// WithGroup returns a quietHandler with the group.
func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name), h.outage}
}

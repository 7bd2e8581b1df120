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

// Outage knows from the commands of a client whether Redis is away: it cannot be reached, does not answer in time, or answers that it
// cannot serve. It logs one line when that begins and one when it ends; what fails meanwhile for that reason need not be logged.
type Outage struct {
	log   *slog.Logger
	gauge prometheus.Gauge
	away  atomic.Bool

	mutex         sync.Mutex
	since, failed time.Time
}

// outageCalm is for how long no command may fail until the outage is over. A Redis that comes back fails some and serves others.
const outageCalm = time.Second

// Watch makes an Outage of a client, and registers its metric.
func NewOutage(client redis.UniversalClient, log *slog.Logger, registry prometheus.Registerer) *Outage {
	o := &Outage{log: log, gauge: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "redrive_redis_away", Help: "1 while commands to Redis fail.",
	})}
	registry.MustRegister(o.gauge)
	client.AddHook(outageHook{o})
	return o
}

// Away says whether Redis is away.
func (o *Outage) Active() bool { return o.away.Load() }

// Quiet returns a logger that logs warnings and errors at the level debug while Redis is away. It is for what does nothing but use
// Redis.
func (o *Outage) Quiet(log *slog.Logger) *slog.Logger {
	return slog.New(quietHandler{log.Handler(), o})
}

func (o *Outage) note(ctx context.Context, err error) {
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, redis.ErrClosed):
	case isAway(err):
		o.begin(ctx, err)
	case o.away.Load():
		o.end(ctx)
	}
}

func (o *Outage) begin(ctx context.Context, err error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.failed = time.Now()
	if o.away.Load() {
		return
	}
	o.since = o.failed
	o.away.Store(true)
	o.gauge.Set(1)
	o.log.WarnContext(ctx, "redis is away", "error", err)
}

func (o *Outage) end(ctx context.Context) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if !o.away.Load() || time.Since(o.failed) < outageCalm {
		return
	}
	o.away.Store(false)
	o.gauge.Set(0)
	o.log.InfoContext(ctx, "redis is back", "seconds", time.Since(o.since).Seconds())
}

// isAway says whether an error is no answer, or one of those with which Redis refuses whatever it is asked.
func isAway(err error) bool {
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

// outageHook shows the results of commands to an Outage.
type outageHook struct{ outage *Outage }

// DialHook changes nothing: a command that cannot connect fails.
func (h outageHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook notes the result of a command.
func (h outageHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		err := next(ctx, command)
		h.outage.note(ctx, err)
		return err
	}
}

// ProcessPipelineHook notes the first error of a pipeline.
func (h outageHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		err := next(ctx, commands)
		h.outage.note(ctx, err)
		return err
	}
}

// quietHandler lowers the level of what it is given during an outage.
type quietHandler struct {
	slog.Handler
	outage *Outage
}

// Handle passes the record on.
func (h quietHandler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level > slog.LevelInfo && h.outage.Active() {
		record.Level = slog.LevelDebug
		if !h.Enabled(ctx, slog.LevelDebug) {
			return nil
		}
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs keeps the handler's rule.
func (h quietHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(attributes), h.outage}
}

// WithGroup keeps the handler's rule.
func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name), h.outage}
}

package deliver

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/webhook"
)

// outage is what this process knows about its database being away. Nothing is sent meanwhile, since what a receiver answered
// could not be put on record: tasks wait where they are, and one of those who wait asks the database whether it is back.
type outage struct {
	ping  func(context.Context) error
	log   *slog.Logger
	gauge prometheus.Gauge
	// draining is closed when nobody is to wait any longer.
	draining chan struct{}
	// prober is full while somebody asks.
	prober chan struct{}

	mutex sync.Mutex
	began time.Time
	back  chan struct{} // closed when the database is back; nil while it is there
}

// errDraining hands a task back.
var errDraining = errors.New("the database is away and this dispatcher is stopping: another takes the delivery over")

// The pauses between two questions to a database that is away, jittered: a fleet must not fall upon it when it returns.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

func newOutage(ping func(context.Context) error, log *slog.Logger) *outage {
	return &outage{
		ping: ping, log: log, draining: make(chan struct{}), prober: make(chan struct{}, 1),
		gauge: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redrive_database_away", Help: "1 while the dispatcher starts no attempts because its database is away.",
		}),
	}
}

// noticed begins an outage if the error is that of a database that is away.
func (o *outage) noticed(ctx context.Context, err error) {
	if webhook.CodeOf(err) != webhook.CodeUnavailable {
		return
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.back == nil {
		o.back, o.began = make(chan struct{}), time.Now()
		o.gauge.Set(1)
		o.log.WarnContext(ctx, "the database is away: no attempts are started until it is back", "error", err)
	}
}

// over ends the outage, if there is one.
func (o *outage) over(ctx context.Context) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.back != nil {
		close(o.back)
		o.back = nil
		o.gauge.Set(0)
		o.log.InfoContext(ctx, "the database is back", "awaySeconds", time.Since(o.began).Seconds())
	}
}

// away is closed when the database is back, and nil while it is there.
func (o *outage) away() <-chan struct{} {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.back
}

// drains says whether this process is stopping.
func (o *outage) drains() bool {
	select {
	case <-o.draining:
		return true
	default:
		return false
	}
}

// wait returns once the database is there.
func (o *outage) wait(ctx context.Context) error {
	for {
		back := o.away()
		if back == nil {
			return nil
		}
		select {
		case <-back:
		case <-o.draining:
			return errDraining
		case <-ctx.Done():
			return ctx.Err()
		case o.prober <- struct{}{}:
			err := o.probe(ctx, back)
			<-o.prober
			if err != nil {
				return err
			}
		}
	}
}

// probe asks the database until it answers or somebody else found it back.
func (o *outage) probe(ctx context.Context, back <-chan struct{}) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		select {
		case <-back:
			return nil
		case <-o.draining:
			return errDraining
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(jittered(pause)):
		}
		if err := o.ping(ctx); err == nil {
			o.over(ctx)
			return nil
		}
	}
}

// jittered is between half a pause and one and a half.
func jittered(pause time.Duration) time.Duration { return pause/2 + rand.N(pause) }

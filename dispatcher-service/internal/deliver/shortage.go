package deliver

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// shortage tracks whether this process lacks resources of its own, such as file descriptors. The deliveries concerned are put off:
// no attempt is recorded, no retry is used, and the endpoint's circuit does not change. It is safe for concurrent use.
type shortage struct {
	log    *slog.Logger
	gauge  prometheus.Gauge
	putOff prometheus.Counter

	mutex sync.Mutex
	began time.Time // zero without a shortage
	last  time.Time // when it was last noticed
	count int       // of deliveries put off since it began
	timer *time.Timer
	ended bool // the process stops
}

const (
	// A delivery is put off for as long as the shortage has lasted, between these, give or take a half.
	shortestPutOff = 2 * time.Second
	longestPutOff  = 30 * time.Second
	// shortageQuiet ends a shortage that nothing was put off for. It is longer than any delivery is put off.
	shortageQuiet = time.Minute
)

func newShortage(log *slog.Logger, registry prometheus.Registerer) *shortage {
	s := &shortage{
		log: log,
		gauge: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redrive_resources_exhausted", Help: "1 while the dispatcher puts attempts off because it lacks resources of its own, such as file descriptors.",
		}),
		putOff: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_attempts_put_off_total", Help: "Attempts that were not made because the dispatcher lacked resources of its own.",
		}),
	}
	registry.MustRegister(s.gauge, s.putOff)
	return s
}

// noticed counts an attempt that could not be made, and returns for how long to put its delivery off.
func (s *shortage) noticed(ctx context.Context, cause error) time.Duration {
	s.putOff.Inc()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := time.Now()
	s.last = now
	s.count++
	if s.began.IsZero() {
		s.began = now
		s.gauge.Set(1)
		s.log.ErrorContext(ctx, "this dispatcher has run out of resources: attempts are put off", "error", cause)
		if !s.ended {
			s.timer = time.AfterFunc(shortageQuiet, s.look)
		}
	}
	return jittered(min(max(now.Sub(s.began), shortestPutOff), longestPutOff))
}

// look ends the shortage once it has not been noticed for long enough.
func (s *shortage) look() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.ended {
		return
	}
	if quiet := time.Since(s.last); quiet < shortageQuiet {
		s.timer.Reset(shortageQuiet - quiet)
		return
	}
	s.log.Info("this dispatcher has resources again", "putOff", s.count, "seconds", s.last.Sub(s.began).Seconds())
	s.gauge.Set(0)
	s.began, s.count = time.Time{}, 0
}

// check returns an error while there is a shortage.
func (s *shortage) check(context.Context) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.began.IsZero() {
		return nil
	}
	return errShortage
}

// stop ends the tracking.
func (s *shortage) stop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

var errShortage = errors.New("this dispatcher has run out of resources of its own")

// notMadeError is the error of an attempt that this process had no resources for.
type notMadeError struct{ cause error }

func (n *notMadeError) Error() string { return "the attempt was not made: " + n.cause.Error() }

func (n *notMadeError) Unwrap() error { return n.cause }

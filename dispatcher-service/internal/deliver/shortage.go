package deliver

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// shortage tracks whether this process lacks resources, such as file descriptors. Attempts that cannot be made are postponed: none
// is recorded, no retry is used, and the endpoint's circuit does not change. It is safe for concurrent use.
type shortage struct {
	log       *slog.Logger
	gauge     prometheus.Gauge
	postponed prometheus.Counter

	mutex sync.Mutex
	began time.Time // zero without a shortage
	last  time.Time // when it was last observed
	count int       // of attempts postponed since it began
	timer *time.Timer
	ended bool // the process is stopping
}

const (
	// A delivery is postponed for as long as the shortage has lasted, within these bounds and ±50 %.
	shortestPostponement = 2 * time.Second
	longestPostponement  = 30 * time.Second
	// shortageQuiet without a postponed attempt ends the shortage. It is longer than the longest postponement.
	shortageQuiet = time.Minute
)

func newShortage(log *slog.Logger, registry prometheus.Registerer) *shortage {
	s := &shortage{
		log: log,
		gauge: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redrive_resources_exhausted", Help: "1 while attempts are postponed because the process lacks resources, such as file descriptors.",
		}),
		postponed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_attempts_put_off_total", Help: "Attempts postponed because the process lacked resources.",
		}),
	}
	registry.MustRegister(s.gauge, s.postponed)
	return s
}

// observe counts an attempt that could not be made and returns for how long to postpone its delivery.
func (s *shortage) observe(ctx context.Context, cause error) time.Duration {
	s.postponed.Inc()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := time.Now()
	s.last = now
	s.count++
	if s.began.IsZero() {
		s.began = now
		s.gauge.Set(1)
		s.log.ErrorContext(ctx, "process resources exhausted: attempts are postponed", "error", cause)
		if !s.ended {
			s.timer = time.AfterFunc(shortageQuiet, s.expire)
		}
	}
	return jittered(min(max(now.Sub(s.began), shortestPostponement), longestPostponement))
}

// expire ends the shortage after shortageQuiet without an observation, or schedules itself again.
func (s *shortage) expire() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.ended {
		return
	}
	if quiet := time.Since(s.last); quiet < shortageQuiet {
		s.timer.Reset(shortageQuiet - quiet)
		return
	}
	s.log.Info("process resources available again", "postponed", s.count, "seconds", s.last.Sub(s.began).Seconds())
	s.gauge.Set(0)
	s.began, s.count = time.Time{}, 0
}

// check returns an error while there is a shortage.
func (s *shortage) check() error {
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

var errShortage = errors.New("this dispatcher lacks resources, such as file descriptors: attempts are postponed")

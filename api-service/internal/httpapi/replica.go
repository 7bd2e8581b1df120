package httpapi

import (
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// readYourWrites is how long after a write a caller reads from the primary at least. It is longer than a replica may be behind.
const readYourWrites = 3 * time.Second

// writers are the callers that have written lately through this process. A caller is an API key. It is safe for concurrent use, and holds the
// callers of two periods at most. It is nil without a replica: nothing is recorded, and no read is permitted to use a replica.
type writers struct {
	mutex            sync.Mutex
	began            time.Time // of the current period
	current, earlier map[string]bool
}

func newWriters() *writers { return &writers{} }

// wrote records a write that ended at the time.
func (w *writers) wrote(caller string, now time.Time) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.turn(now)
	w.current[caller] = true
}

// lately reports whether the caller has written within readYourWrites before the time. It may be true for twice as long.
func (w *writers) lately(caller string, now time.Time) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.turn(now)
	return w.current[caller] || w.earlier[caller]
}

// turn begins another period if the current one is over.
func (w *writers) turn(now time.Time) {
	switch since := now.Sub(w.began); {
	case since >= 2*readYourWrites:
		w.earlier, w.current, w.began = nil, map[string]bool{}, now
	case since >= readYourWrites:
		w.earlier, w.current, w.began = w.current, map[string]bool{}, now
	}
}

// fromReplica permits a handler to read from a replica of the database, unless the caller has written lately. Lists, searches, statistics and the
// lookup have it. All other routes read from the primary.
func (w *writers) fromReplica(next echo.HandlerFunc) echo.HandlerFunc {
	if w == nil {
		return next
	}
	return func(c echo.Context) error {
		if !w.lately(caller(c).ID, time.Now()) {
			permitReplica(c)
		}
		return next(c)
	}
}

// permitReplica permits it for the request's deadline from now on, and for later ones.
func permitReplica(c echo.Context) {
	t, ok := c.Get(timingInContext).(timing)
	if !ok {
		return // a test calls the handler without the middleware
	}
	setTiming(c, timing{webhook.PermitReplica(t.untimed), t.statement})
}

// record records the caller of a request that may have written, whatever its answer was.
func (w *writers) record(c echo.Context) {
	if method := c.Request().Method; w != nil && method != http.MethodGet && method != http.MethodHead {
		w.wrote(caller(c).ID, time.Now())
	}
}

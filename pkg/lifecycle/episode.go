package lifecycle

import (
	"sync"
	"time"
)

// episodeGap is how long nothing may fail for the next failure to be worth another log line. It is a minute, so that an outage in which
// every second call succeeds is logged once.
const episodeGap = time.Minute

// Episode turns the failures of concurrent work into the one that is worth a log line: the first of several, also if there are successes
// between them. The zero value is ready for use, and an Episode is safe for concurrent use.
type Episode struct {
	mu   sync.Mutex
	last time.Time
}

// Began notes a result, and reports whether it is the first failure for at least a minute.
func (e *Episode) Began(err error, now time.Time) bool {
	if err == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	began := e.last.IsZero() || now.Sub(e.last) >= episodeGap
	e.last = now
	return began
}

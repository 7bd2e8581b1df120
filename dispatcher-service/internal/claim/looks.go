package claim

import (
	"time"

	"redrive/pkg/queue"
)

const (
	// lookInterval is the longest time between two looks of a dispatcher that could take tasks: a lost notification delays a task by no
	// more. While others wait too, each of several dispatchers looks less often.
	lookInterval, sharedLookInterval = 500 * time.Millisecond, time.Second
)

// looks decides when to ask Redis for tasks. The zero value looks at once. It is not safe for concurrent use.
type looks struct {
	running bool      // one look at a time
	news    bool      // something may have been added since the last look began
	drained bool      // the last look took all that there was
	shared  bool      // other dispatchers wait as well
	again   time.Time // when the next look is due without news
	later   time.Time // when the first scheduled or retry task is due; zero if that is not known
}

// begin reports whether to look now. The caller then looks and calls end.
func (l *looks) begin(now time.Time) bool {
	if l.running || !l.news && l.drained && now.Before(l.again) {
		return false
	}
	l.running, l.news = true, false
	return true
}

// end notes what a look has found. Drained says that it left nothing.
func (l *looks) end(now time.Time, taking queue.Taking, drained bool) {
	l.running, l.drained, l.later = false, drained, taking.Later
	if taking.Peers != queue.PeersUnknown {
		l.shared = taking.Peers == queue.OtherPeers
	}
	l.again = now.Add(lookInterval)
	if l.shared {
		l.again = now.Add(sharedLookInterval)
	}
}

// changed notes that this process may have changed the scheduled or retry tasks.
func (l *looks) changed() { l.later = time.Time{} }

// forwards reports whether a scheduled or retry task may be due.
func (l *looks) forwards(now time.Time) bool { return !now.Before(l.later) }

package sessions

import (
	"crypto/sha256"
	"sync"
	"time"

	"redrive/pkg/webhook"
)

const (
	// latelyFor is how long the operator's session is used without the database, after it was last found in it.
	latelyFor = 30 * time.Minute
	// maxLately bounds the sessions in memory. All are dropped when there are more.
	maxLately = 1_000
)

// lately has the operator's sessions that were found a short time ago. While the database is unavailable, the operator needs the page that says
// so. Such a session shows that page and nothing else, since everything else is in the database. It is safe for concurrent use.
type lately struct {
	mutex sync.Mutex
	found map[[sha256.Size]byte]foundAt
}

type foundAt struct {
	session webhook.ConsoleSession
	at      time.Time
}

func newLately() *lately { return &lately{found: map[[sha256.Size]byte]foundAt{}} }

// add remembers a session of the operator. It acts for no organization while the database is unavailable.
func (l *lately) add(hash [sha256.Size]byte, session webhook.ConsoleSession, now time.Time) {
	if !session.Operator() {
		return
	}
	session.ActsFor = ""
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if _, known := l.found[hash]; !known && len(l.found) >= maxLately {
		clear(l.found)
	}
	l.found[hash] = foundAt{session, now}
}

func (l *lately) remove(hash [sha256.Size]byte) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	delete(l.found, hash)
}

// get returns a session that was found a short time ago and has not expired, and whether there is one.
func (l *lately) get(hash [sha256.Size]byte, now time.Time) (webhook.ConsoleSession, bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	found, known := l.found[hash]
	if !known || now.Sub(found.at) >= latelyFor || !found.session.Live(now) {
		return webhook.ConsoleSession{}, false
	}
	return found.session, true
}

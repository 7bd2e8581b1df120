package sessions

import (
	"crypto/sha256"
	"time"

	"redrive/api-service/internal/cache"
	"redrive/pkg/webhook"
)

const (
	// recentFor is how long the operator's session is used without the database, after it was last found in it.
	recentFor = 30 * time.Minute
	// maxRecent bounds the sessions in memory.
	maxRecent = 1_000
)

// recent has the operator's sessions that were found within recentFor. While the database is unavailable, the operator needs the page that
// shows this. Such a session shows that page and nothing else, since everything else is in the database. It is safe for concurrent use.
type recent struct {
	found *cache.Recent[[sha256.Size]byte, webhook.ConsoleSession]
}

func newRecent() recent {
	return recent{cache.NewRecent[[sha256.Size]byte, webhook.ConsoleSession](recentFor, maxRecent)}
}

// add adds a session of the operator. It acts for no organization while the database is unavailable.
func (r recent) add(hash [sha256.Size]byte, session webhook.ConsoleSession, now time.Time) {
	if !session.Operator() {
		return
	}
	session.ActsFor = ""
	r.found.Add(hash, session, now)
}

func (r recent) remove(hash [sha256.Size]byte) { r.found.Remove(hash) }

// get returns a session that was found within recentFor and has not expired, and whether there is one.
func (r recent) get(hash [sha256.Size]byte, now time.Time) (webhook.ConsoleSession, bool) {
	session, found := r.found.Get(hash, now)
	if !found || !session.Live(now) {
		return webhook.ConsoleSession{}, false
	}
	return session, true
}

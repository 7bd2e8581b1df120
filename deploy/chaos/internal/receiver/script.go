package receiver

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"time"
)

// Kind is what a delivery goes through at the receiver.
type Kind int

// The kinds, of which the delivery's ID alone decides: whoever knows the ID knows how its delivery has to end.
const (
	Fine      Kind = iota // 200 at once
	Failing               // 500, then 200
	Throttled             // 429 with Retry-After, then 200
	Closed                // the connection is closed without an answer, then 200
	Reset                 // the connection is reset, then 200
	Slow                  // 200 after about a second, then 200 at once
	Dead                  // 500 for ever
)

const (
	// retryAfter is what a throttled delivery is asked to wait for: longer than any delay of the compressed schedule, so that
	// it makes a difference.
	retryAfter = 4 * time.Second
	// slowness is what a slow answer takes.
	slowness = time.Second
)

// KindOf decides by a hash of the ID.
func KindOf(id string) Kind {
	sum := sha256.Sum256([]byte(id))
	for _, share := range []struct {
		perMille uint64 // up to here
		kind     Kind
	}{{50, Failing}, {70, Throttled}, {80, Closed}, {90, Reset}, {95, Slow}, {100, Dead}} {
		if binary.BigEndian.Uint64(sum[:])%1000 < share.perMille {
			return share.kind
		}
	}
	return Fine
}

// answer is what one request gets. A zero status is none.
type answer struct {
	status     int
	retryAfter time.Duration
	after      time.Duration
	reset      bool
}

// answerTo scripts the nth request of a delivery, counted from 0.
func answerTo(kind Kind, nth int) answer {
	switch {
	case kind == Dead:
		return answer{status: http.StatusInternalServerError}
	case nth > 0:
		return answer{status: http.StatusOK}
	}
	switch kind {
	case Failing:
		return answer{status: http.StatusInternalServerError}
	case Throttled:
		return answer{status: http.StatusTooManyRequests, retryAfter: retryAfter}
	case Closed:
		return answer{}
	case Reset:
		return answer{reset: true}
	case Slow:
		return answer{status: http.StatusOK, after: slowness}
	default:
		return answer{status: http.StatusOK}
	}
}

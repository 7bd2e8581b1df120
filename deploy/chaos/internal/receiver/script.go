package receiver

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"time"
)

// Kind is the sequence of answers that a delivery gets.
type Kind int

// The kinds. The delivery's ID alone determines the kind, so the audit can derive how each delivery must end.
const (
	Fine      Kind = iota // 200 to the first request
	Failing               // 500, then 200
	Throttled             // 429 with Retry-After, then 200
	Closed                // the connection is closed without an answer, then 200
	Reset                 // the connection is reset, then 200
	Slow                  // 200 after about a second, then 200 without delay
	Dead                  // 500 to every request
)

const (
	// retryAfter is the value of Retry-After for a throttled delivery. It is longer than any delay of the shortened schedule, so that
	// ignoring it is detected.
	retryAfter = 4 * time.Second
	// slowness is the duration of a slow answer.
	slowness = time.Second
)

// KindOf decides by a hash of the ID.
func KindOf(id string) Kind {
	sum := sha256.Sum256([]byte(id))
	for _, share := range []struct {
		perMille uint64 // up to this value of the hash
		kind     Kind
	}{{50, Failing}, {70, Throttled}, {80, Closed}, {90, Reset}, {95, Slow}, {100, Dead}} {
		if binary.BigEndian.Uint64(sum[:])%1000 < share.perMille {
			return share.kind
		}
	}
	return Fine
}

// answer is the answer to one request. A zero status closes the connection without an answer.
type answer struct {
	status     int
	retryAfter time.Duration
	after      time.Duration
	reset      bool
}

// answerTo returns the answer to the nth request of a delivery, counted from 0.
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

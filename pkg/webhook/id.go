package webhook

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

// Kind is what an identifier names; its value is the identifier's prefix.
type Kind string

// The kinds of identifiers, as they stand before the underscore.
const (
	KindDelivery Kind = "dlv"
	KindEvent    Kind = "evt"
	KindEndpoint Kind = "ep"
	KindAttempt  Kind = "att"
	KindAPIKey   Kind = "key"
	KindRequest  Kind = "req"
)

// Identifiers are a prefix, an underscore and a ULID (github.com/ulid/spec): 48 bits of Unix milliseconds and 80 random
// bits in Crockford's base 32, so that ordering by identifier is ordering by creation.
const (
	ulidLength = 26
	crockford  = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// NewID returns a fresh identifier of the kind, stamped with the time. Identifiers that one process makes for the same millisecond
// ascend, also when callers of neighbouring milliseconds interleave, so that the deliveries of one event keep their order. NewID is
// safe for concurrent use.
func NewID(kind Kind, at time.Time) string {
	return string(kind) + "_" + encodeULID(nextULID(at))
}

// FirstID is before every identifier of the kind that was made at this millisecond or later, and behind all that were made
// earlier.
func FirstID(kind Kind, at time.Time) string {
	return string(kind) + "_" + encodeULID(ulid{high: uint64(at.UnixMilli()) << 16})
}

// CheckID says whether the text is an identifier of the kind, exactly as NewID would write it.
func CheckID(kind Kind, text string) error {
	ulid, ok := strings.CutPrefix(text, string(kind)+"_")
	// The first digit carries only three bits of the timestamp: 8 and above would overflow 128 bits.
	if !ok || len(ulid) != ulidLength || ulid[0] > '7' || strings.Trim(ulid, crockford) != "" {
		return Invalid("invalid_id", "id", "the id must be "+string(kind)+"_ followed by the 26 characters of a ULID")
	}
	return nil
}

type ulid struct {
	high, low uint64 // 16 bits of entropy below the timestamp in high, 64 bits in low
}

// recentMillis is how many milliseconds a caller can be behind the latest one and still get ascending identifiers.
const recentMillis = 256

// lastULIDs holds the last value of each recent millisecond, at its remainder by recentMillis.
var lastULIDs struct {
	sync.Mutex
	values [recentMillis]ulid
}

func nextULID(at time.Time) ulid {
	milli := uint64(at.UnixMilli()) // 48 bits last until the year 10889, and no clock is before 1970

	lastULIDs.Lock()
	defer lastULIDs.Unlock()
	last := &lastULIDs.values[milli%recentMillis]
	if last.high>>16 == milli {
		last.low++
		if last.low != 0 {
			return *last
		}
	}
	var entropy [10]byte
	_, _ = rand.Read(entropy[:]) // never fails: crypto/rand ends the program instead
	*last = ulid{
		high: milli<<16 | uint64(binary.BigEndian.Uint16(entropy[:2])),
		// The top bit stays free, so that counting up within a millisecond does not run over.
		low: binary.BigEndian.Uint64(entropy[2:]) >> 1,
	}
	return *last
}

func encodeULID(u ulid) string {
	var text [ulidLength]byte
	for i := ulidLength - 1; i >= 0; i-- {
		text[i] = crockford[u.low&31]
		u.low = u.low>>5 | u.high<<59
		u.high >>= 5
	}
	return string(text[:])
}

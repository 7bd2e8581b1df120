package webhook

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

// Kind is the kind of an identifier. Its value is the identifier's prefix.
type Kind string

// The kinds of identifiers.
const (
	KindDelivery Kind = "dlv"
	KindEvent    Kind = "evt"
	KindEndpoint Kind = "ep"
	KindAttempt  Kind = "att"
	KindAPIKey   Kind = "key"
	KindRequest  Kind = "req"
	KindChange   Kind = "chg"
	KindBulkJob  Kind = "job"

	KindConsoleSession Kind = "ses"
)

// An identifier is a prefix, an underscore and a ULID (github.com/ulid/spec): 48 bits of Unix milliseconds and 80 random
// bits in Crockford's base 32. Identifiers therefore sort by their time of creation.
const (
	ulidLength = 26
	crockford  = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// NewID returns a new identifier of the kind with the time. Identifiers that one process makes for the same millisecond ascend,
// also if callers with times in adjacent milliseconds alternate. The deliveries of one event therefore keep their order. NewID is
// safe for concurrent use.
func NewID(kind Kind, at time.Time) string {
	return string(kind) + "_" + encodeULID(nextULID(at))
}

// FirstID returns a text that sorts before every identifier of the kind from this millisecond on, and after all identifiers from
// before it.
func FirstID(kind Kind, at time.Time) string {
	return string(kind) + "_" + encodeULID(ulid{high: uint64(at.UnixMilli()) << 16})
}

// CheckID returns an error unless the text is an identifier of the kind in the form of NewID.
func CheckID(kind Kind, text string) error {
	ulid, ok := strings.CutPrefix(text, string(kind)+"_")
	// The first digit carries only three bits of the timestamp: 8 and above would overflow 128 bits.
	if !ok || len(ulid) != ulidLength || ulid[0] > '7' || strings.Trim(ulid, crockford) != "" {
		return Invalid("invalid_id", "id", "the id must be "+string(kind)+"_ followed by the 26 characters of a ULID")
	}
	return nil
}

// KindOf returns the kind of an identifier, and whether the text is one.
func KindOf(id string) (Kind, bool) {
	prefix, _, _ := strings.Cut(id, "_")
	_, known := kindNames[Kind(prefix)]
	return Kind(prefix), known && CheckID(Kind(prefix), id) == nil
}

// kindNames has the names of the kinds of stored resources.
var kindNames = map[Kind]string{
	KindDelivery: "delivery", KindEvent: "event", KindEndpoint: "endpoint", KindAttempt: "attempt", KindAPIKey: "api_key",
	KindChange: "endpoint_change", KindBulkJob: "bulk_job", KindConsoleSession: "console_session",
}

// Resource is a stored resource and the organization that it belongs to. An organization has no kind, and belongs to itself.
type Resource struct {
	Kind           Kind
	ID             string
	OrganizationID string
}

// Type returns the name of the resource's kind.
func (r Resource) Type() string {
	if r.Kind == "" {
		return "organization"
	}
	return kindNames[r.Kind]
}

type ulid struct {
	high, low uint64 // 16 bits of entropy below the timestamp in high, 64 bits in low
}

// recentMillis is by how many milliseconds a caller may be behind the latest one and still get ascending identifiers.
const recentMillis = 256

// lastULIDs holds the last value of each recent millisecond, at the index of the millisecond modulo recentMillis.
var lastULIDs struct {
	sync.Mutex
	values [recentMillis]ulid
}

func nextULID(at time.Time) ulid {
	milli := uint64(at.UnixMilli()) // 48 bits suffice until the year 10889; times before 1970 do not occur

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
	_, _ = rand.Read(entropy[:]) // never fails: crypto/rand ends the program on an error
	*last = ulid{
		high: milli<<16 | uint64(binary.BigEndian.Uint16(entropy[:2])),
		// The top bit is 0, so that an increment within a millisecond does not overflow.
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

// TimeOfID returns the time of an identifier of any kind in milliseconds, and whether the text has the form of an identifier.
func TimeOfID(id string) (time.Time, bool) {
	_, text, ok := strings.Cut(id, "_")
	if !ok || len(text) != ulidLength || text[0] > '7' || strings.Trim(text, crockford) != "" {
		return time.Time{}, false
	}
	var milli int64
	for _, digit := range text[:ulidTimeLength] {
		milli = milli<<5 | int64(strings.IndexRune(crockford, digit))
	}
	return time.UnixMilli(milli).UTC(), true
}

// ulidTimeLength is how many digits of a ULID are its time.
const ulidTimeLength = 10

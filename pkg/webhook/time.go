package webhook

import (
	"regexp"
	"strings"
	"time"
)

// Now is the time as the databases keep it: UTC, in whole microseconds, so that what was written is equal to what is read.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// timeLayout is RFC 3339 in UTC with six fraction digits. All times have one width, so their text order is their time order.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// FormatTime writes a time the one way in which it is shown: RFC 3339 in UTC with six fraction digits.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// Timestamp is a time that encodes as FormatTime writes it.
type Timestamp time.Time

// IsZero reports whether there is no time, for omitzero.
func (t Timestamp) IsZero() bool { return time.Time(t).IsZero() }

// MarshalText is FormatTime.
func (t Timestamp) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, timeLayout), nil
}

// maxTimeText is the length of the longest text that ParseTime reads. RFC 3339 sets no limit to the fraction.
const maxTimeText = 64

// rfc3339 is the grammar date-time of RFC 3339, section 5.6. [time.Parse] also takes a comma before the fraction, hours of one digit
// and offsets of more than a day. The ranges of month, day, hour, minute and second are left to it.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// ParseTime reads a time that a caller sent in the field and returns it as Now would: in UTC and in whole microseconds. It takes RFC
// 3339 alone. T and Z may be in lower case, as the RFC has it. A leap second (:60) is refused, since no clock here has one; so is a
// time whose year in UTC is not between 1 and 9999, since it could not be shown again.
func ParseTime(field, text string) (time.Time, error) {
	if len(text) > maxTimeText || !rfc3339.MatchString(text) {
		return time.Time{}, invalidTime(field)
	}
	at, err := time.Parse(time.RFC3339, strings.ToUpper(text))
	at = at.UTC().Truncate(time.Microsecond)
	if err != nil || at.Year() < 1 || at.Year() > 9999 || at.IsZero() {
		return time.Time{}, invalidTime(field)
	}
	return at, nil
}

func invalidTime(field string) error {
	return Invalid("invalid_time", field,
		field+" must be a time as RFC 3339 has it, such as 2030-01-31T23:59:59Z or 2030-02-01T01:29:59.5+01:30")
}

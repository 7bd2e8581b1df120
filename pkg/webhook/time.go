package webhook

import (
	"regexp"
	"strings"
	"time"
)

// Now returns the time in UTC and whole microseconds. Databases store this precision, so that a value that is read equals the one that was
// written.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// timeLayout is the layout of formatTime: RFC 3339 in UTC with six fraction digits. All times have the same width, so that they sort as text.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// FormatTime formats a time as the API shows it: RFC 3339 in UTC with six fraction digits.
func FormatTime(t time.Time) string { return string(formatTime(t)) }

// formatTime formats a time by timeLayout. It is several times faster than [time.Time.Format] with that layout, because package time formats
// RFC 3339 without reading the layout.
func formatTime(t time.Time) []byte {
	t = t.UTC()
	text := t.AppendFormat(make([]byte, 0, len(timeLayout)), time.RFC3339)
	text = append(text[:len(text)-len("Z")], '.')
	micros := t.Nanosecond() / 1000
	for place := 100_000; place > 0; place /= 10 {
		text = append(text, "0123456789"[micros/place%10])
	}
	return append(text, 'Z')
}

// Timestamp is a time that encodes as FormatTime formats it.
type Timestamp time.Time

// IsZero reports whether the time is zero, for omitzero.
func (t Timestamp) IsZero() bool { return time.Time(t).IsZero() }

// MarshalText formats the time as FormatTime does.
func (t Timestamp) MarshalText() ([]byte, error) { return formatTime(time.Time(t)), nil }

// maxTimeText is the length of the longest text that ParseTime accepts. RFC 3339 does not limit the fraction.
const maxTimeText = 64

// rfc3339 is the grammar date-time of RFC 3339, section 5.6. [time.Parse] also accepts a comma before the fraction, hours of one digit and
// offsets of more than a day. It checks the ranges of month, day, hour, minute and second.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// ParseTime parses the time in a field of a request and returns it in UTC and whole microseconds. It accepts RFC 3339 only, with T and Z in
// either case. It refuses a leap second (:60), which Go's times cannot represent. It refuses a time whose year in UTC is not between 1 and
// 9999, because such a time could not be formatted.
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

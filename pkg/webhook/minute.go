package webhook

import "time"

// Minute is a minute in UTC, as the number of minutes since 1970-01-01.
type Minute int64

const secondsPerMinute = 60

// MinuteOf returns the minute that has the time.
func MinuteOf(t time.Time) Minute {
	seconds := t.Unix()
	minute := Minute(seconds / secondsPerMinute)
	if seconds < 0 && seconds%secondsPerMinute != 0 {
		minute--
	}
	return minute
}

// Start returns the beginning of the minute.
func (m Minute) Start() time.Time { return time.Unix(int64(m)*secondsPerMinute, 0).UTC() }

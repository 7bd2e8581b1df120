package webhook

import "time"

// Now is the time as the databases keep it: UTC, in whole microseconds, so that what was written is equal to what is read.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

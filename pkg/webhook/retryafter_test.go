package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/webhook"
)

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	day := 24 * time.Hour
	for value, want := range map[string]time.Duration{
		"":                                 0,
		"0":                                0,
		"7":                                7 * time.Second,
		" 120 ":                            2 * time.Minute,
		"86400":                            day,
		"86401":                            day,
		"99999999999999999999999999":       day,
		"-5":                               0,
		"+5":                               0,
		"1.5":                              0,
		"1e3":                              0,
		"soon":                             0,
		"7\x00":                            0,
		now.Format(http.TimeFormat):        0,
		"Fri, 02 Jan 2026 03:05:05 GMT":    time.Minute,
		"Friday, 02-Jan-26 03:05:05 GMT":   time.Minute,
		"Fri Jan  2 03:05:05 2026":         time.Minute,
		"Fri, 02 Jan 2006 03:05:05 GMT":    0,
		"Fri, 02 Jan 2099 03:05:05 GMT":    day,
		"Fri, 32 Jan 2099 03:05:05 GMT":    0,
		"Fri, 02 Jan 2026 03:05:05 +09:00": 0,
	} {
		assert.Equal(t, want, webhook.ParseRetryAfter(value, now), "%q", value)
	}
}

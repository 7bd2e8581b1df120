package webhook_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestParseTimeRFC3339Accepted(t *testing.T) {
	for text, want := range map[string]string{
		"2030-01-31T23:59:59Z":                                 "2030-01-31T23:59:59.000000Z",
		"2030-01-31t23:59:59z":                                 "2030-01-31T23:59:59.000000Z",
		"2030-01-31T23:59:59.5Z":                               "2030-01-31T23:59:59.500000Z",
		"2030-01-31T23:59:59.1234567Z":                         "2030-01-31T23:59:59.123456Z",
		"2030-01-31T23:59:59." + strings.Repeat("9", 43) + "Z": "2030-01-31T23:59:59.999999Z",
		"2030-01-31T23:59:59+01:30":                            "2030-01-31T22:29:59.000000Z",
		"2030-01-31T23:59:59-00:00":                            "2030-01-31T23:59:59.000000Z",
		"2030-01-31T23:59:59+23:59":                            "2030-01-31T00:00:59.000000Z",
		"2030-01-31T23:59:59-23:59":                            "2030-02-01T23:58:59.000000Z",
		"2032-02-29T00:00:00Z":                                 "2032-02-29T00:00:00.000000Z",
		"0001-01-01T00:00:00.000001Z":                          "0001-01-01T00:00:00.000001Z",
		"0000-12-31T23:59:59-01:00":                            "0001-01-01T00:59:59.000000Z",
		"9999-12-31T23:59:59.9999999Z":                         "9999-12-31T23:59:59.999999Z",
	} {
		at, err := webhook.ParseTime("at", text)
		require.NoError(t, err, text)
		assert.Equal(t, want, webhook.FormatTime(at), text)
		assert.Equal(t, time.UTC, at.Location(), text)
	}
}

func TestParseTimeOtherFormatsRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "never", "tomorrow", "2030", "2030-01-01", "T00:00:00Z", "00:00:00Z", "1893456000", "1893456000000", "2030-01-01T00:00Z", "2030-01-01T00Z",
		"2030-01-01T00:00:00", "2030-01-01T00:00:00 Z", "2030-01-01 00:00:00Z", "2030-01-01_00:00:00Z", "2030-01-01T00:00:00UTC", "2030-01-01T00:00:00GMT",
		"2030-01-01T00:00:00,5Z", "2030-01-01T00:00:00.Z", "2030-01-01T00:00:00.5", "2030-01-01T00:00:00.5.5Z", "2030-01-01T00:00:00.-5Z",
		"2030-01-01T0:00:00Z", "2030-01-01T00:0:00Z", "2030-01-01T00:00:0Z", "2030-1-01T00:00:00Z", "2030-01-1T00:00:00Z", "30-01-01T00:00:00Z",
		"02030-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "+2030-01-01T00:00:00Z", "-2030-01-01T00:00:00Z",
		"2030-01-01T00:00:00+24:00", "2030-01-01T00:00:00-24:00", "2030-01-01T00:00:00+00:60", "2030-01-01T00:00:00+99:99", "2030-01-01T00:00:00+0100",
		"2030-01-01T00:00:00+01", "2030-01-01T00:00:00+1:00", "2030-01-01T00:00:00+01:0", "2030-01-01T00:00:00+01:00:00", "2030-01-01T00:00:00Z+01:00",
		"2030-01-01T00:00:00\u221201:00", "2030-01-01T00:00:00ZZ", "2030-01-01TT00:00:00Z",
		"2030-13-01T00:00:00Z", "2030-00-01T00:00:00Z", "2030-01-32T00:00:00Z", "2030-01-00T00:00:00Z", "2030-02-29T00:00:00Z", "2030-04-31T00:00:00Z",
		"2030-01-01T24:00:00Z", "2030-01-01T00:60:00Z", "2030-01-01T00:00:60Z", "2030-06-30T23:59:60Z", "2016-12-31T23:59:60Z", "2030-01-01T00:00:61Z",
		"0000-01-01T00:00:00Z", "0000-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
		" 2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z ", "2030-01-01T00:00:00Z\n", "\n2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z\x00",
		"\u0662\u0660\u0663\u0660-01-01T00:00:00Z", "\uff12030-01-01T00:00:00Z", "2030-01-01T00:00:00.\u0665Z", "2030\u201001\u201001T00:00:00Z",
		"20300101T000000Z", "2030-W01-1T00:00:00Z", "2030-001T00:00:00Z", "Tue, 01 Jan 2030 00:00:00 GMT", "2030-01-01T00:00:00Z/P1D",
		"2030-01-01T00:00:00." + strings.Repeat("0", 1000) + "Z",
	} {
		_, err := webhook.ParseTime("expiresAt", text)
		var refused *webhook.Error
		require.ErrorAs(t, err, &refused, text)
		assert.Equal(t, webhook.CodeInvalid, refused.Code, text)
		assert.Equal(t, webhook.Detail{Reason: "invalid_time", Field: "expiresAt", Message: refused.Message}, refused.Details[0])
		assert.Less(t, len(refused.Message), 200)
	}
}

func TestFormatTimeHasConstantWidth(t *testing.T) {
	start := time.Date(2026, 11, 20, 16, 3, 11, 0, time.FixedZone("", 3600))
	var texts []string
	for _, after := range []time.Duration{0, 1, time.Microsecond, 10 * time.Microsecond, time.Millisecond, 120 * time.Millisecond, time.Second, time.Hour} {
		at := start.Add(after)
		texts = append(texts, webhook.FormatTime(at))
		encoded, err := json.Marshal(map[string]webhook.Timestamp{"at": webhook.Timestamp(at)})
		require.NoError(t, err)
		assert.Equal(t, `{"at":"`+webhook.FormatTime(at)+`"}`, string(encoded))
	}
	assert.Equal(t, "2026-11-20T15:03:11.000000Z", texts[0])
	assert.Equal(t, "2026-11-20T15:03:11.120000Z", texts[5])
	assert.Equal(t, "0001-01-01T00:00:00.000001Z", webhook.FormatTime(time.Time{}.Add(time.Microsecond)))
	assert.Equal(t, "9999-12-31T23:59:59.999999Z", webhook.FormatTime(time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)))
	assert.Equal(t, "2026-11-20T15:03:11.012345Z", webhook.FormatTime(start.Add(12_345*time.Microsecond)))
	assert.True(t, slices.IsSorted(texts), "text order is time order")
	for _, text := range texts {
		assert.Len(t, text, len(texts[0]))
	}
	var none struct {
		At webhook.Timestamp `json:"at,omitzero"`
	}
	encoded, err := json.Marshal(none)
	require.NoError(t, err)
	assert.Equal(t, `{}`, string(encoded))
}

// A text is refused, or [time.Parse] accepts it too and the time can be formatted and parsed again.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2030-01-31T23:59:59Z", "2030-01-31t23:59:59.5+23:59", "2030-01-31T23:59:60Z", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := webhook.ParseTime("at", text)
		if err != nil {
			var refused *webhook.Error
			require.True(t, errors.As(err, &refused))
			return
		}
		lenient, err := time.Parse(time.RFC3339, strings.ToUpper(text))
		require.NoError(t, err)
		require.True(t, lenient.Truncate(time.Microsecond).Equal(at))
		again, err := webhook.ParseTime("at", webhook.FormatTime(at))
		require.NoError(t, err)
		require.True(t, again.Equal(at))
	})
}

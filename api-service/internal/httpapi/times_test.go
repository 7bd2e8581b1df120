package httpapi

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// times matches the beginning of an RFC 3339 time.
var times = regexp.MustCompile(`\d{4}-\d{2}-\d{2}T[^"]*`)

func TestTimesInAnswersHaveConstantWidth(t *testing.T) {
	s := newService(t).withKeys(t)
	ids := s.resources(t)
	s.fail(t, ids[webhook.KindDelivery])
	for _, at := range []string{"2099-01-01T00:00:00Z", "2099-01-01T00:00:00.1Z", "2099-01-01T00:00:00.123456789+01:00"} {
		granted(t, s.call(t, "POST", keys, s.writer, `{"name":"n","expiresAt":"`+at+`"}`))
	}
	found := 0
	for _, r := range protected(t) {
		if r.method == "DELETE" && r.path == base+"/:id" {
			continue // the other routes need the endpoint
		}
		a := s.call(t, r.method, r.of(ids), s.writer, r.body())
		require.Equal(t, 200, a.status, "%s %s: %s", r.method, r.path, a.body)
		for _, text := range times.FindAllString(string(a.body), -1) {
			assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`, text, "%s %s", r.method, r.path)
			found++
		}
	}
	assert.Greater(t, found, len(protected(t)), "every answer shows a time")
}

// The test uses times with every number of digits, because times in a database are rarely round.
func TestTimesOfAnyPrecisionHaveConstantWidth(t *testing.T) {
	for _, fraction := range []time.Duration{0, 100 * time.Millisecond, 120 * time.Microsecond, 7 * time.Microsecond} {
		at := time.Date(2026, 11, 20, 16, 3, 11, int(fraction), time.UTC)
		event := webhook.NewEvent(organization, webhook.EventSpec{Type: "a", Data: []byte(`{}`)}, at)
		delivery := webhook.NewDelivery(event, webhook.Endpoint{ID: webhook.NewID(webhook.KindEndpoint, at), OrganizationID: organization}, at)
		view, err := viewDelivery(webhook.Record{Delivery: delivery, Event: event})
		require.NoError(t, err)
		fields := shown(t, "Delivery", view)
		for _, field := range []string{"createdAt", "updatedAt", "nextRetryAt"} {
			assert.Equal(t, webhook.FormatTime(at), fields[field], field)
		}
		assert.Equal(t, webhook.FormatTime(at), fields["requestBody"].(map[string]any)["timestamp"])
		assert.Equal(t, 27, len(webhook.FormatTime(at)))
	}
}

func TestExpiresAtOtherThanRFC3339Refused(t *testing.T) {
	s := newService(t).withKeys(t)
	for _, text := range []string{
		"2030-01-01T00:00:00,5Z", "2030-01-01T0:00:00Z", "2030-01-01T00:00:00+24:00", "2030-01-01T00:00:00+00:60", "2030-01-01 00:00:00Z",
		"2030-01-01T00:00:00", "2030-01-01T00:00:60Z", "2030-01-01T00:00:00." + strings.Repeat("1", 1000) + "Z", "\u0662030-01-01T00:00:00Z",
	} {
		f := refused(t, s.call(t, "POST", keys, s.writer, `{"name":"n","expiresAt":"`+text+`"}`), 400, "invalid_time")
		assert.Equal(t, "expiresAt", f.Details[0].Field)
		assert.Contains(t, f.Message, "2030-01-31T23:59:59Z", "it shows a right one")
	}
	made := granted(t, s.call(t, "POST", keys, s.writer, `{"name":"n","expiresAt":"2030-01-01t00:00:00.5+01:00"}`))
	assert.Equal(t, "2029-12-31T23:00:00.500000Z", made["expiresAt"])
}

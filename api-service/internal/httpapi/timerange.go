package httpapi

import (
	"net/url"
	"time"

	"redrive/pkg/webhook"
)

// timeRange parses from, which is inclusive, and to, which is exclusive. A time that the query does not have is zero.
func timeRange(query url.Values) (from, to time.Time, err error) {
	if query.Has("from") {
		if from, err = webhook.ParseTime("from", query.Get("from")); err != nil {
			return from, to, err
		}
	}
	if query.Has("to") {
		to, err = webhook.ParseTime("to", query.Get("to"))
	}
	return from, to, err
}

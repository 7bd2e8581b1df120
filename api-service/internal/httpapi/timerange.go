package httpapi

import (
	"time"

	"redrive/pkg/webhook"
)

// timeRange parses from, which is inclusive, and to, which is exclusive. A time that the query does not have is zero.
func timeRange(parameters webhook.Parameters) (from, to time.Time, err error) {
	if err := webhook.ParseParameter(parameters, "from", &from, webhook.ParseTime); err != nil {
		return from, to, err
	}
	err = webhook.ParseParameter(parameters, "to", &to, webhook.ParseTime)
	return from, to, err
}

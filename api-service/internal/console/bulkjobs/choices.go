package bulkjobs

import "redrive/pkg/webhook"

// statuses are the values of the filter status to choose from, by the action. An action takes no delivery of another status.
var statuses = map[webhook.BulkAction][]string{
	webhook.BulkRetry:  {"failure"},
	webhook.BulkReplay: {"failure", "success", "pending", "retrying", "pending,retrying"},
	webhook.BulkCancel: {"pending,retrying", "pending", "retrying"},
}

// failureReasons and errorCodes are the values of these filters.
var (
	failureReasons = namesOf(
		webhook.FailureExhausted, webhook.FailureGone, webhook.FailureEndpointDisabled, webhook.FailureEndpointDeleted, webhook.FailureCancelled,
		webhook.FailureOrphaned,
	)
	errorCodes = namesOf(
		webhook.ErrorHTTPStatus, webhook.ErrorTimeout, webhook.ErrorConnectionRefused, webhook.ErrorConnectionReset, webhook.ErrorDNS, webhook.ErrorTLS,
		webhook.ErrorProtocol, webhook.ErrorEgressRefused,
	)
)

func namesOf[T ~string](values ...T) []string {
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = string(value)
	}
	return names
}

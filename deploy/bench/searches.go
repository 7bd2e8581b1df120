package bench

// indexedSearches are the lists with one filter that has an index, and with two filters of which one matches at most rareRows rows. The
// values in braces are those of a searched table.
var indexedSearches = []string{
	"/deliveries?status=failure",
	"/deliveries?status=pending,retrying",
	"/deliveries?failureReason=exhausted",
	"/deliveries?failureReason=endpoint_disabled",
	"/deliveries?eventType=" + oftenType,
	"/deliveries?eventId={event}",
	"/deliveries?workflowId=" + oftenFlow,
	"/deliveries?workflowId=" + rareFlow,
	"/deliveries?runId=" + rareRun,
	"/deliveries?executionId={execution}",
	"/deliveries?endpointId={endpoint}",
	"/deliveries?from={from}&to={to}",
	"/deliveries?bulkJobId={job}",
	"/events?eventType=" + oftenType,
	"/events?eventType=" + oldType,
	"/events?workflowId=" + rareFlow,
	"/events?workflowId=" + oftenFlow,
	"/events?runId=" + rareRun,
	"/events?executionId={execution}",
	"/events?from={from}&to={to}",

	"/deliveries?status=failure&eventType=" + oftenType,
	"/deliveries?status=failure&workflowId=" + oftenFlow,
	"/deliveries?status=failure&workflowId=" + rareFlow, // no row has both
	"/deliveries?status=failure&runId=" + rareRun,
	"/deliveries?status=failure&endpointId={endpoint}",
	"/deliveries?status=failure&from={from}&to={to}",
	"/deliveries?status=failure&bulkJobId={job}",
	"/deliveries?status=pending,retrying&endpointId={endpoint}",
	"/deliveries?status=pending,retrying&eventType=" + oftenType,
	"/deliveries?failureReason=endpoint_disabled&eventType=" + oftenType,
	"/deliveries?workflowId=" + rareFlow + "&endpointId={endpoint}",
	"/deliveries?workflowId=" + rareFlow + "&eventType=" + oftenType,
	"/deliveries?workflowId=" + rareFlow + "&status=success",
	"/deliveries?runId=" + rareRun + "&endpointId={endpoint}",
	"/deliveries?runId=" + rareRun + "&workflowId=" + oftenFlow,
	"/deliveries?executionId={execution}&status=success",
	"/deliveries?bulkJobId={job}&eventType=" + oftenType,
	"/deliveries?bulkJobId={job}&endpointId={endpoint}",
	"/events?runId=" + rareRun + "&workflowId=" + oftenFlow,
	"/events?workflowId=" + rareFlow + "&eventType=" + oftenType,
	"/events?workflowId=" + rareFlow + "&from={from}&to={to}",
}

// otherSearches are lists that read rows which do not match. Some match no row at all.
var otherSearches = []string{
	"/deliveries?status=success",
	"/deliveries?eventType=" + oldType,
	"/deliveries?errorCode=timeout",
	"/deliveries?errorCode=dns", // no row matches
	"/deliveries?errorCode=timeout&eventType=" + oftenType,
	"/deliveries?failureReason=gone", // no row matches
	"/deliveries?responseStatus=5xx",
	"/deliveries?responseStatus=200",
	"/deliveries?responseStatus=5xx&status=success", // no row matches
	"/deliveries?responseStatus=204&status=success", // no row matches
	"/deliveries?responseStatus=503&endpointId={endpoint}",
	"/deliveries?responseStatus=204&endpointId={endpoint}&eventType=" + oftenType,
	"/deliveries?status=success&endpointId={endpoint}&eventType=" + oftenType,
	"/deliveries?status=success&endpointId={endpoint}&eventType=" + oldType,
	"/deliveries?status=success&workflowId=" + oftenFlow + "&eventType=" + oftenType,
	"/deliveries?workflowId=" + otherFlow + "&eventType=" + oftenType, // no row matches
	"/deliveries?workflowId=" + otherFlow + "&eventType=" + oftenType + "&from={from}&to={to}",
	"/events?workflowId=" + otherFlow + "&eventType=" + oftenType, // no row matches
	"/events?workflowId=" + oftenFlow + "&eventType=" + oldType,
}

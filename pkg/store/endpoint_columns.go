package store

import (
	"redrive/pkg/webhook"
)

// endpointColumn is the column of a field of an endpoint.
type endpointColumn struct {
	name  string
	value func(*Store, webhook.Endpoint) (any, error)
}

// plain is a column whose value needs no encoding.
func plain(name string, value func(webhook.Endpoint) any) endpointColumn {
	return endpointColumn{name, func(_ *Store, e webhook.Endpoint) (any, error) { return value(e), nil }}
}

// endpointColumns are the columns of the fields that a change can change, by the fields' names in the API.
var endpointColumns = map[string]endpointColumn{
	"name":            plain("name", func(e webhook.Endpoint) any { return e.Name }),
	"url":             plain("url", func(e webhook.Endpoint) any { return e.URL }),
	"description":     plain("description", func(e webhook.Endpoint) any { return e.Description }),
	"maxRetries":      plain("max_retries", func(e webhook.Endpoint) any { return e.MaxRetries }),
	"rateLimit":       plain("rate_limit", func(e webhook.Endpoint) any { return e.RateLimit }),
	"timeoutSeconds":  plain("timeout_seconds", func(e webhook.Endpoint) any { return e.TimeoutSeconds }),
	"payload":         plain("payload", func(e webhook.Endpoint) any { return string(e.Payload) }),
	"signatureHeader": plain("signature_header", func(e webhook.Endpoint) any { return e.SignatureHeader }),
	"status":          plain("status", func(e webhook.Endpoint) any { return string(e.Status) }),
	"disabledAt":      plain("disabled_at", func(e webhook.Endpoint) any { return nullable(e.DisabledAt) }),
	"disabledReason":  plain("disabled_reason", func(e webhook.Endpoint) any { return string(e.DisabledReason) }),
	"pausedAt":        plain("paused_at", func(e webhook.Endpoint) any { return nullable(e.PausedAt) }),
	"deletedAt":       plain("deleted_at", func(e webhook.Endpoint) any { return nullable(e.DeletedAt) }),
	"subscribedEventTypes": {"subscribed_event_types", func(_ *Store, e webhook.Endpoint) (any, error) {
		return encodeList(e.SubscribedEventTypes)
	}},
	"retrySchedule": {"retry_schedule", func(_ *Store, e webhook.Endpoint) (any, error) { return encodeList(e.RetrySchedule) }},
	"metadata":      {"metadata", func(_ *Store, e webhook.Endpoint) (any, error) { return encodeMetadata(e.Metadata) }},
	"headers":       {"headers", func(s *Store, e webhook.Endpoint) (any, error) { return s.sealHeaders(e.ID, e.Headers) }},
	"signingSecret": {"signing_secrets", func(s *Store, e webhook.Endpoint) (any, error) { return s.sealSecrets(e.ID, e.SigningSecrets) }},
}

// encodeList encodes a list without elements as [], not as null.
func encodeList[T any](list []T) (string, error) {
	if list == nil {
		list = []T{}
	}
	return encodeColumn(list)
}

// encodeMetadata encodes metadata without entries as {}, not as null.
func encodeMetadata(metadata map[string]string) (string, error) {
	if metadata == nil {
		metadata = map[string]string{}
	}
	return encodeColumn(metadata)
}

// newEndpointRow returns the row of a new endpoint, with sealed secrets and header values.
func (s *Store) newEndpointRow(e webhook.Endpoint) (row endpointRow, err error) {
	row = endpointRow{
		ID: e.ID, OrganizationID: e.OrganizationID, Name: e.Name, URL: e.URL, Description: e.Description, MaxRetries: e.MaxRetries,
		RateLimit: e.RateLimit, TimeoutSeconds: e.TimeoutSeconds, Payload: string(e.Payload), SignatureHeader: e.SignatureHeader,
		Status: string(e.Status), DisabledAt: nullable(e.DisabledAt), DisabledReason: string(e.DisabledReason),
		PausedAt: nullable(e.PausedAt), DeletedAt: nullable(e.DeletedAt), CreatedBy: e.CreatedBy, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
	if row.SubscribedEventTypes, err = encodeList(e.SubscribedEventTypes); err != nil {
		return row, err
	}
	if row.RetrySchedule, err = encodeList(e.RetrySchedule); err != nil {
		return row, err
	}
	if row.Metadata, err = encodeMetadata(e.Metadata); err != nil {
		return row, err
	}
	if row.Headers, err = s.sealHeaders(e.ID, e.Headers); err != nil {
		return row, err
	}
	row.SigningSecrets, err = s.sealSecrets(e.ID, e.SigningSecrets)
	return row, err
}

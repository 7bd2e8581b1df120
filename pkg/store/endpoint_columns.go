package store

import (
	"redrive/pkg/webhook"
)

// endpointColumn writes a field of an endpoint to its column of a row.
type endpointColumn struct {
	name string
	set  func(*Store, *endpointRow, webhook.Endpoint) error
}

// plain is a column whose value needs no encoding.
func plain(name string, set func(*endpointRow, webhook.Endpoint)) endpointColumn {
	return endpointColumn{name, func(_ *Store, row *endpointRow, e webhook.Endpoint) error {
		set(row, e)
		return nil
	}}
}

// endpointColumns are the columns of the fields that a change can change, by the fields' names in the API.
var endpointColumns = map[string]endpointColumn{
	"name":            plain("name", func(row *endpointRow, e webhook.Endpoint) { row.Name = e.Name }),
	"url":             plain("url", func(row *endpointRow, e webhook.Endpoint) { row.URL = e.URL }),
	"description":     plain("description", func(row *endpointRow, e webhook.Endpoint) { row.Description = e.Description }),
	"maxRetries":      plain("max_retries", func(row *endpointRow, e webhook.Endpoint) { row.MaxRetries = e.MaxRetries }),
	"rateLimit":       plain("rate_limit", func(row *endpointRow, e webhook.Endpoint) { row.RateLimit = e.RateLimit }),
	"timeoutSeconds":  plain("timeout_seconds", func(row *endpointRow, e webhook.Endpoint) { row.TimeoutSeconds = e.TimeoutSeconds }),
	"payload":         plain("payload", func(row *endpointRow, e webhook.Endpoint) { row.Payload = string(e.Payload) }),
	"signatureHeader": plain("signature_header", func(row *endpointRow, e webhook.Endpoint) { row.SignatureHeader = e.SignatureHeader }),
	"status":          plain("status", func(row *endpointRow, e webhook.Endpoint) { row.Status = string(e.Status) }),
	"disabledAt":      plain("disabled_at", func(row *endpointRow, e webhook.Endpoint) { row.DisabledAt = nullable(e.DisabledAt) }),
	"disabledReason":  plain("disabled_reason", func(row *endpointRow, e webhook.Endpoint) { row.DisabledReason = string(e.DisabledReason) }),
	"pausedAt":        plain("paused_at", func(row *endpointRow, e webhook.Endpoint) { row.PausedAt = nullable(e.PausedAt) }),
	"deletedAt":       plain("deleted_at", func(row *endpointRow, e webhook.Endpoint) { row.DeletedAt = nullable(e.DeletedAt) }),
	"subscribedEventTypes": {"subscribed_event_types", func(_ *Store, row *endpointRow, e webhook.Endpoint) (err error) {
		row.SubscribedEventTypes, err = encodeList(e.SubscribedEventTypes)
		return err
	}},
	"retrySchedule": {"retry_schedule", func(_ *Store, row *endpointRow, e webhook.Endpoint) (err error) {
		row.RetrySchedule, err = encodeList(e.RetrySchedule)
		return err
	}},
	"metadata": {"metadata", func(_ *Store, row *endpointRow, e webhook.Endpoint) (err error) {
		row.Metadata, err = encodeMetadata(e.Metadata)
		return err
	}},
	"headers": {"headers", func(s *Store, row *endpointRow, e webhook.Endpoint) (err error) {
		row.Headers, err = s.sealHeaders(e.ID, e.Headers)
		return err
	}},
	"signingSecret": {"signing_secrets", func(s *Store, row *endpointRow, e webhook.Endpoint) (err error) {
		row.SigningSecrets, err = s.sealSecrets(e.ID, e.SigningSecrets)
		return err
	}},
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
func (s *Store) newEndpointRow(e webhook.Endpoint) (endpointRow, error) {
	row := endpointRow{ID: e.ID, OrganizationID: e.OrganizationID, CreatedBy: e.CreatedBy, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt}
	for _, column := range endpointColumns {
		if err := column.set(s, &row, e); err != nil {
			return row, err
		}
	}
	return row, nil
}

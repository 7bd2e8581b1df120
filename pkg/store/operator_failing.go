package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// mostUnhealthy bounds the endpoints that ListFailingEndpoints chooses from, failing ones and disabled ones each.
const mostUnhealthy = 20_000

// ListFailingEndpoints returns up to limit endpoints of all organizations that are active and have failed since their last success, the latest
// to begin first. After them come up to limit endpoints that were disabled for failing or for 410 since a time, the latest first. It also
// reports whether there are more of either. Deleted endpoints are not in it. Beyond mostUnhealthy endpoints, some may be missing.
func (s *Store) ListFailingEndpoints(ctx context.Context, disabledSince time.Time, limit int) (found []webhook.FailingEndpoint, more bool, err error) {
	var failing, disabled []failingRow
	db := s.db.WithContext(ctx)
	if err := db.Raw(failingSQL, mostUnhealthy, limit+1).Scan(&failing).Error; err != nil {
		return nil, false, s.translate("list failing endpoints", err)
	}
	if err := db.Raw(disabledSQL, mostUnhealthy, disabledSince.UTC(), limit+1).Scan(&disabled).Error; err != nil {
		return nil, false, s.translate("list disabled endpoints", err)
	}
	more = len(failing) > limit || len(disabled) > limit
	rows := slices.Concat(failing[:min(limit, len(failing))], disabled[:min(limit, len(disabled))])
	found = make([]webhook.FailingEndpoint, len(rows))
	for i, row := range rows {
		found[i] = row.endpoint()
	}
	if err := s.addOrganizationNames(ctx, found); err != nil {
		return nil, false, err
	}
	return found, more, s.translate("find the codes of errors", s.addErrorCodes(ctx, found))
}

// failingRow is a row of failingSQL and disabledSQL.
type failingRow struct {
	Health         healthRow `gorm:"embedded"`
	Name, URL      string
	DisabledAt     *time.Time
	DisabledReason string
}

func (r failingRow) endpoint() webhook.FailingEndpoint {
	return webhook.FailingEndpoint{
		OrganizationID: r.Health.OrganizationID, EndpointID: r.Health.EndpointID, Name: r.Name, URL: r.URL, Health: r.Health.health(),
		DisabledAt: timeOf(r.DisabledAt), DisabledReason: webhook.DisabledReason(r.DisabledReason),
	}
}

// Both statements read a part of a partial index that has unhealthy endpoints only, and keep the first ones in the order of their times.
const (
	failingSQL = `SELECT h.organization_id, h.endpoint_id, h.last_success_at, h.consecutive_failures, h.failing_since, h.last_failure_at,
	h.last_error, e.name, e.url
FROM (SELECT * FROM endpoint_health WHERE failing_since IS NOT NULL ORDER BY organization_id, endpoint_id LIMIT ?) h
JOIN endpoints e ON e.id = h.endpoint_id AND e.status = 'active' AND e.deleted_at IS NULL
ORDER BY h.failing_since DESC, h.endpoint_id LIMIT ?`

	disabledSQL = `SELECT e.organization_id, e.id AS endpoint_id, h.last_success_at, COALESCE(h.consecutive_failures, 0) AS consecutive_failures,
	h.failing_since, h.last_failure_at, COALESCE(h.last_error, '') AS last_error, e.name, e.url, e.disabled_at, e.disabled_reason
FROM (
	SELECT * FROM endpoints WHERE status = 'disabled' AND deleted_at IS NULL AND disabled_reason IN ('failing', 'gone')
	ORDER BY disabled_reason LIMIT ?
) e LEFT JOIN endpoint_health h ON h.organization_id = e.organization_id AND h.endpoint_id = e.id
WHERE e.disabled_at >= ? ORDER BY e.disabled_at DESC, e.id LIMIT ?`
)

func (s *Store) addOrganizationNames(ctx context.Context, endpoints []webhook.FailingEndpoint) error {
	if len(endpoints) == 0 {
		return nil
	}
	ids := make([]string, len(endpoints))
	for i, e := range endpoints {
		ids[i] = e.OrganizationID
	}
	names, err := s.FindOrganizationNames(ctx, ids)
	for i := range endpoints {
		endpoints[i].OrganizationName = cmp.Or(names[endpoints[i].OrganizationID], endpoints[i].OrganizationID)
	}
	return err
}

// addErrorCodes adds the code of the last error, if one of the latest deliveries of the endpoint has an attempt with the same error.
func (s *Store) addErrorCodes(ctx context.Context, endpoints []webhook.FailingEndpoint) error {
	if len(endpoints) == 0 {
		return nil
	}
	if !s.dialect.Postgres {
		for i := range endpoints {
			e := &endpoints[i]
			err := s.db.WithContext(ctx).Raw(errorCodeSQL("?", "?", "?"), e.OrganizationID, e.EndpointID, e.Health.LastError).Scan(&e.LastErrorCode).Error
			if err != nil {
				return err
			}
		}
		return nil
	}
	var rows []struct {
		N         int
		ErrorCode webhook.ErrorCode
	}
	err := s.db.WithContext(ctx).Raw(errorCodesSQL,
		column(endpoints, func(e *webhook.FailingEndpoint) string { return e.OrganizationID }),
		column(endpoints, func(e *webhook.FailingEndpoint) string { return e.EndpointID }),
		column(endpoints, func(e *webhook.FailingEndpoint) string { return e.Health.LastError })).Scan(&rows).Error
	for _, row := range rows {
		endpoints[row.N-1].LastErrorCode = row.ErrorCode
	}
	return err
}

var errorCodesSQL = `SELECT f.n, c.error_code
FROM unnest(CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[])) WITH ORDINALITY AS f (organization_id, endpoint_id, last_error, n)
CROSS JOIN LATERAL (` + errorCodeSQL("f.organization_id", "f.endpoint_id", "f.last_error") + `) c`

// errorCodeSQL selects the code of an error of an endpoint. It looks at the last attempts of 20 deliveries.
func errorCodeSQL(organizationID, endpointID, lastError string) string {
	return `SELECT a.error_code FROM (
	SELECT last_attempt_id FROM deliveries WHERE organization_id = ` + organizationID + ` AND endpoint_id = ` + endpointID + ` ORDER BY id DESC LIMIT 20
) d JOIN attempts a ON a.id = d.last_attempt_id WHERE a.outcome = 'failure' AND a.error_message = ` + lastError + ` LIMIT 1`
}

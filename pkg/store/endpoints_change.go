package store

import (
	"context"
	"maps"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// CreateEndpoint inserts an endpoint and the record of its creation. It seals the signing secrets and the values of the headers.
func (s *Store) CreateEndpoint(ctx context.Context, e webhook.Endpoint) error {
	record, err := e.Created()
	if err != nil {
		return err
	}
	err = s.recording(ctx, func(tx *gorm.DB) (string, any, error) {
		return e.ID, e, tx.Transaction(func(tx *gorm.DB) error { return s.createEndpoint(tx, e, record) })
	})
	if err != nil {
		return s.translate("create an endpoint", err)
	}
	record.Observe(ctx)
	return nil
}

// createEndpoint inserts an endpoint and records it, unless the organization has as many endpoints as its limit.
func (s *Store) createEndpoint(tx *gorm.DB, e webhook.Endpoint, record webhook.EndpointChanged) error {
	row, err := s.newEndpointRow(e)
	if err != nil {
		return err
	}
	if err := s.admitEndpoint(tx, e.OrganizationID); err != nil {
		return err
	}
	if err := tx.Create(&row).Error; err != nil {
		return err
	}
	return recordChange(tx, record)
}

// ChangeEndpoint changes an endpoint, records the change and returns the endpoint without signing secrets and header values. It is the only
// way to change an endpoint that exists. The endpoint's row is locked from the read until the commit, so that concurrent changes take effect
// one after the other. If the change changes no field, nothing is written. The error of the change is returned as it is. A deleted endpoint
// is not found.
func (s *Store) ChangeEndpoint(ctx context.Context, organizationID, id string, change webhook.EndpointChange) (changed webhook.Endpoint, err error) {
	var secrets []webhook.SigningSecret // after the change, if it was opened for it
	apply := change.Apply
	change.Apply = func(e *webhook.Endpoint) error {
		err := apply(e)
		secrets = e.SigningSecrets
		return err
	}
	var record webhook.EndpointChanged
	var operational []webhook.Delivery
	err = s.recording(ctx, func(tx *gorm.DB) (string, any, error) {
		err := tx.Transaction(func(tx *gorm.DB) (err error) {
			operational = nil
			changed, record, err = s.changeEndpoint(tx, organizationID, id, change, &operational)
			return err
		})
		made := changed
		made.SigningSecrets = secrets
		return id, made, err
	})
	if err != nil {
		return changed, s.translate("change an endpoint", err)
	}
	record.Observe(ctx)
	s.enqueueOperational(ctx, operational)
	return changed, nil
}

func (s *Store) changeEndpoint(
	tx *gorm.DB, organizationID, id string, change webhook.EndpointChange, operational *[]webhook.Delivery,
) (changed webhook.Endpoint, record webhook.EndpointChanged, err error) {
	row, err := s.lockEndpoint(tx, organizationID, id)
	if err != nil {
		return changed, record, err
	}
	if changed, record, err = s.changeRow(tx, row, change, operational); err != nil {
		return changed, record, err
	}
	err = s.addHealth(tx, organizationID, &changed)
	return changed, record, err
}

// lockEndpoint reads the row of an endpoint and locks it.
func (s *Store) lockEndpoint(tx *gorm.DB, organizationID, id string) (row endpointRow, err error) {
	err = s.locking(tx, forNoKeyUpdate).Where("id = ? AND organization_id = ? AND deleted_at IS NULL", id, organizationID).Take(&row).Error
	return row, notFound(err, "endpoint", id)
}

// changeRow applies a change to a row that lockEndpoint has read in the same transaction. It also returns the record of the change, which
// is the zero value if no field was changed. It adds the deliveries of the operational event of the change to operational.
func (s *Store) changeRow(
	tx *gorm.DB, row endpointRow, change webhook.EndpointChange, operational *[]webhook.Delivery,
) (changed webhook.Endpoint, record webhook.EndpointChanged, err error) {
	before := row.endpoint()
	if change.Opened {
		if before, err = s.endpointToSend(row); err != nil {
			return changed, record, err
		}
	}
	after := before
	after.Headers = maps.Clone(before.Headers)
	if err := change.Apply(&after); err != nil {
		return changed, record, err
	}
	after.UpdatedAt = changedAt(before.UpdatedAt, change.At)
	if !change.Opened && !maps.Equal(before.Headers, after.Headers) {
		if opened, err := s.openHeaders(row); err == nil { // otherwise the new values replace what cannot be read
			before.Headers = opened
		}
	}
	health, err := findHealth(tx, row.OrganizationID, row.ID)
	if err != nil {
		return changed, record, err
	}
	if change.Resets(before, after) {
		if err := resetHealth(tx, before); err != nil {
			return changed, record, err
		}
	}
	record, names, err := webhook.Changed(change, before, after)
	if err != nil || len(names) == 0 {
		return row.endpoint(), webhook.EndpointChanged{}, err
	}
	if row, err = s.updateColumns(tx, after, names); err != nil {
		return changed, record, err
	}
	if err := recordChange(tx, record); err != nil {
		return changed, record, err
	}
	changed = row.endpoint()
	if notice, ok := change.Notice(before, changed, health.health()); ok {
		return changed, record, s.publishNotice(tx, notice, operational)
	}
	return changed, record, nil
}

// changedAt returns the time of a change: now, but at least a millisecond after the change before. The times and the IDs of an endpoint's
// changes therefore ascend, also if the clocks of processes differ.
func changedAt(before, now time.Time) time.Time {
	earliest := before.Truncate(time.Millisecond).Add(time.Millisecond)
	if now.Before(earliest) {
		return earliest
	}
	return now
}

// updateColumns writes the fields that were changed. The other columns keep what they have, even if it is damaged.
func (s *Store) updateColumns(tx *gorm.DB, e webhook.Endpoint, names []string) (updated endpointRow, err error) {
	row, columns := endpointRow{UpdatedAt: e.UpdatedAt}, []string{"updated_at"}
	for _, name := range names {
		column := endpointColumns[name]
		if err = column.set(s, &row, e); err != nil {
			return updated, err
		}
		columns = append(columns, column.name)
	}
	err = tx.Model(&updated).Clauses(returning(&updated)).Where("id = ?", e.ID).Select(columns).UpdateColumns(row).Error
	return updated, err
}

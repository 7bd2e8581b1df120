package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

type organizationRow struct {
	ID                   string `gorm:"primaryKey"`
	Name                 string
	Metadata             string
	MaxEndpoints         int
	MaxAPIKeys           int `gorm:"column:max_api_keys"`
	MaxWaitingDeliveries int
	RequestsPerSecond    int
	CreatedAt            time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt            time.Time `gorm:"autoUpdateTime:false"`
	DeletedAt            *time.Time
	EraseAfter           *time.Time
	ErasureStartedAt     *time.Time
	ErasurePassedAt      *time.Time
	RowsErased           int64
}

func (organizationRow) TableName() string { return "organizations" }

// organization returns the organization. Damaged metadata does not make the read fail: the organization then has none.
func (r organizationRow) organization() webhook.Organization {
	metadata, _ := decodeColumn[map[string]string](r.Metadata)
	return webhook.Organization{
		ID:       r.ID,
		Name:     r.Name,
		Metadata: metadata,
		Limits: webhook.OrganizationLimits{
			MaxEndpoints: r.MaxEndpoints, MaxAPIKeys: r.MaxAPIKeys,
			MaxWaitingDeliveries: r.MaxWaitingDeliveries, RequestsPerSecond: r.RequestsPerSecond,
		},
		CreatedAt:  r.CreatedAt.UTC(),
		UpdatedAt:  r.UpdatedAt.UTC(),
		DeletedAt:  timeOf(r.DeletedAt),
		EraseAfter: timeOf(r.EraseAfter),
		Erasure:    webhook.Erasure{StartedAt: timeOf(r.ErasureStartedAt), RowsErased: r.RowsErased},
	}
}

// newOrganizationRow returns the row of an organization that is not deleted.
func newOrganizationRow(o webhook.Organization) (organizationRow, error) {
	metadata, err := encodeMetadata(o.Metadata)
	return organizationRow{
		ID:                   o.ID,
		Name:                 o.Name,
		Metadata:             metadata,
		MaxEndpoints:         o.Limits.MaxEndpoints,
		MaxAPIKeys:           o.Limits.MaxAPIKeys,
		MaxWaitingDeliveries: o.Limits.MaxWaitingDeliveries,
		RequestsPerSecond:    o.Limits.RequestsPerSecond,
		CreatedAt:            o.CreatedAt,
		UpdatedAt:            o.UpdatedAt,
	}, err
}

// FindOrganization returns one organization. It may be deleted.
func (s *Store) FindOrganization(ctx context.Context, id string) (webhook.Organization, error) {
	found, failures := s.FindOrganizations(ctx, []string{id})
	return found[0], failures[0]
}

// FindOrganizations returns, in the order of the IDs, the organization with each ID, or an error with the code not_found. An organization
// may be deleted. All IDs share one statement.
func (s *Store) FindOrganizations(ctx context.Context, ids []string) ([]webhook.Organization, []error) {
	var rows []organizationRow
	err := s.translate("find organizations", s.db.WithContext(ctx).Where(s.oneOf("id", ids)).Find(&rows).Error)
	found := make(map[string]organizationRow, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return each(ids, func(id string) (webhook.Organization, error) {
		row, ok := found[id]
		switch {
		case err != nil:
			return webhook.Organization{}, err
		case !ok:
			return webhook.Organization{}, webhook.OrganizationNotFound("id")
		}
		return row.organization(), nil
	})
}

// ListOrganizations returns a page of all organizations in the order of their IDs, including deleted ones. A prefix that is not empty
// selects organizations whose ID or name begins with it, in any case. Failing selects those with an endpoint that has failed since its last
// success.
func (s *Store) ListOrganizations(ctx context.Context, prefix string, failing bool, page webhook.Page) (webhook.List[webhook.Organization], error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) (webhook.List[webhook.Organization], error) {
		return r.ListOrganizations(ctx, prefix, failing, page)
	}); answered {
		return found, err
	}
	query := s.db.WithContext(ctx).Order("id").Limit(page.Limit + 1)
	if page.After != "" {
		query = query.Where("id > ?", page.After)
	}
	if prefix != "" {
		pattern := beginningWith(prefix)
		query = query.Where(`(lower(id) LIKE lower(?) ESCAPE '\' OR lower(name) LIKE lower(?) ESCAPE '\')`, pattern, pattern)
	}
	if failing {
		query = query.Where(failingOrganization)
	}
	var rows []organizationRow
	if err := query.Find(&rows).Error; err != nil {
		return webhook.List[webhook.Organization]{}, s.translate("list the organizations", err)
	}
	organizations := make([]webhook.Organization, len(rows))
	for i, row := range rows {
		organizations[i] = row.organization()
	}
	return webhook.NewList(organizations, page, func(o webhook.Organization) string { return o.ID }), nil
}

// PutOrganization creates an organization, changes it, or restores it if it was deleted. A deleted organization that can no longer be
// restored is refused with webhook.ErrOrganizationErasing. Concurrent changes of different fields are both kept.
func (s *Store) PutOrganization(ctx context.Context, id string, change webhook.OrganizationChange, now time.Time) (o webhook.Organization, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := createOrganization(tx, id, now); err != nil {
			return err
		}
		current, err := s.lockOrganization(tx, id)
		if err != nil {
			return err
		}
		if o, err = putOn(current, change, now); err != nil {
			return err
		}
		row, err := newOrganizationRow(o)
		if err != nil {
			return err
		}
		return tx.Model(&row).Where("id = ?", id).Select("*").Omit("id", "created_at", "rows_erased").UpdateColumns(&row).Error
	})
	return o, s.translate("put an organization", err)
}

// putOn returns the current organization with a change, not deleted.
func putOn(current webhook.Organization, change webhook.OrganizationChange, now time.Time) (webhook.Organization, error) {
	if current.Deleted() && !current.Restorable(now) {
		return webhook.Organization{}, webhook.ErrOrganizationErasing
	}
	o := change.Apply(current)
	o.UpdatedAt = now
	o.DeletedAt, o.EraseAfter = time.Time{}, time.Time{}
	return o, nil
}

// createOrganization inserts an organization with the default settings, unless there is one with the ID.
func createOrganization(tx *gorm.DB, id string, now time.Time) error {
	o := webhook.DefaultOrganization(id)
	o.CreatedAt, o.UpdatedAt = now, now
	row, err := newOrganizationRow(o)
	if err != nil {
		return err
	}
	return tx.Clauses(onConflictNothing).Create(&row).Error
}

// ensureOrganization creates an organization if it is missing, and refuses a deleted one.
func (s *Store) ensureOrganization(tx *gorm.DB, id string, now time.Time) error {
	if err := createOrganization(tx, id, now); err != nil {
		return err
	}
	organization, err := s.lockOrganization(tx, id)
	if err == nil && organization.Deleted() {
		return webhook.Invalid("organization_deleted", "organizationId", "the organization "+id+" was deleted; restore it first")
	}
	return err
}

// lockOrganization locks an organization until the transaction ends, and returns it.
func (s *Store) lockOrganization(tx *gorm.DB, id string) (webhook.Organization, error) {
	var row organizationRow
	err := s.locking(tx, forUpdate).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return webhook.Organization{}, webhook.OrganizationNotFound("id")
	}
	return row.organization(), err
}

// DeleteOrganization marks an organization as deleted and returns it. Its erasure may begin after eraseAfter. An organization that is
// deleted already is not changed.
func (s *Store) DeleteOrganization(ctx context.Context, id string, now, eraseAfter time.Time) (webhook.Organization, error) {
	err := s.db.WithContext(ctx).Model(&organizationRow{}).Where("id = ? AND deleted_at IS NULL", id).
		UpdateColumns(map[string]any{"deleted_at": now, "erase_after": eraseAfter, "updated_at": now}).Error
	if err != nil {
		return webhook.Organization{}, s.translate("delete an organization", err)
	}
	return s.FindOrganization(ctx, id)
}

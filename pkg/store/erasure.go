package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// Erased is the result of one batch of an erasure.
type Erased struct {
	OrganizationID string // empty: no organization has to be erased now
	Rows           int64  // deleted by this batch
	// Passed means that the batch has found nothing more in the first pass.
	Passed bool
	// Done means that the last pass has found nothing more, and that the organization itself was deleted.
	Done bool
}

// erasurePause is the time between the first pass and the last one. Within it every process has seen that the organization is deleted, and
// what it had begun before has been committed.
const erasurePause = 20 * time.Second

// EraseBatch deletes up to limit rows of one deleted organization whose delay has passed, and counts them in the organization's row in the
// same transaction. It can therefore be interrupted at any time, and another call continues. An organization is skipped while another call
// works on it.
//
// A first pass deletes all rows. A last pass, erasurePause later, deletes what was committed meanwhile, and then the organization.
func (s *Store) EraseBatch(ctx context.Context, now time.Time, limit int) (erased Erased, err error) {
	// A read alone finds out that there is nothing to erase, as usual. In SQLite, a transaction would lock the database for it.
	if found, err := findErasable(s.db.WithContext(ctx), now); err != nil || found.ID == "" {
		return erased, s.translate("find an organization to erase", err)
	}
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		row, err := findErasable(s.locking(tx, forUpdateSkip), now)
		if err != nil || row.ID == "" {
			return err
		}
		erased.OrganizationID = row.ID
		if erased.Rows, err = s.eraseRows(tx, row.ID, limit); err != nil {
			return err
		}
		erased.Passed = erased.Rows == 0 && row.ErasurePassedAt == nil
		erased.Done = erased.Rows == 0 && row.ErasurePassedAt != nil
		if erased.Done {
			return tx.Where("id = ?", row.ID).Delete(&organizationRow{}).Error
		}
		return recordErasure(tx, row, erased, now)
	})
	return erased, s.translate("erase an organization", err)
}

// findErasable returns an organization that has to be erased now. The row is empty if there is none.
func findErasable(tx *gorm.DB, now time.Time) (row organizationRow, err error) {
	err = tx.Where("deleted_at IS NOT NULL AND erase_after <= ?", now).
		Where("erasure_passed_at IS NULL OR erasure_passed_at <= ?", now.Add(-erasurePause)).
		Order("erase_after, id").Limit(1).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return organizationRow{}, nil
	}
	return row, err
}

func recordErasure(tx *gorm.DB, row organizationRow, erased Erased, now time.Time) error {
	changes := map[string]any{"rows_erased": row.RowsErased + erased.Rows}
	if row.ErasureStartedAt == nil {
		changes["erasure_started_at"] = now
	}
	if erased.Passed {
		changes["erasure_passed_at"] = now
	}
	return tx.Model(&organizationRow{}).Where("id = ?", row.ID).UpdateColumns(changes).Error
}

// Every table has to be in one of these lists. A test compares them with the database's catalogue.
var (
	// globalTables have no rows of an organization. The row of an organization itself is deleted last.
	globalTables = []string{"organizations", "event_types", "statistics_state"}
	// erasedWithDeliveries are the tables whose rows are deleted with the organization's deliveries.
	erasedWithDeliveries = []string{"deliveries", "attempts"}
	// erasedByOrganization are the other tables, in the order in which they are erased. Each has the columns organization_id and the given
	// key, by which rows are selected in an index that begins with the organization.
	erasedByOrganization = []erasedTable{
		{"events", "id"},
		{"endpoint_changes", "id"},
		{"bulk_jobs", "id"},
		{"console_sessions", "id"},
		{"endpoint_health", "endpoint_id"},
		{"idempotency_keys", "key_hash"},
		{"endpoints", "id"},
		{"api_keys", "id"},
		{"statistics_deltas", "id"},
		{"statistics_hours", "endpoint_id, event_type, period"},
		{"statistics_days", "endpoint_id, event_type, period"},
		{"statistics_types", "day, event_type"},
	}
)

// erasedTable is a table with rows of organizations, and the columns of its primary key that tell the rows of one organization apart.
type erasedTable struct{ name, key string }

// ErasedTables returns the tables that an erasure deletes rows from, and the tables that have no rows of an organization.
func ErasedTables() (erased, global []string) {
	erased = append(erased, erasedWithDeliveries...)
	for _, table := range erasedByOrganization {
		erased = append(erased, table.name)
	}
	return erased, globalTables
}

// eraseRows deletes up to limit rows of an organization from one table, or from deliveries and attempts. It returns 0 if there are none.
func (s *Store) eraseRows(tx *gorm.DB, organizationID string, limit int) (int64, error) {
	if rows, err := s.eraseDeliveries(tx, organizationID, limit); rows > 0 || err != nil {
		return rows, err
	}
	for _, table := range erasedByOrganization {
		deleted := tx.Exec("DELETE FROM "+table.name+" WHERE organization_id = ? AND ("+table.key+") IN (SELECT "+table.key+" FROM "+table.name+
			" WHERE organization_id = ? ORDER BY "+table.key+" LIMIT ?)", organizationID, organizationID, limit)
		if deleted.RowsAffected > 0 || deleted.Error != nil {
			return deleted.RowsAffected, deleted.Error
		}
	}
	return 0, nil
}

// eraseDeliveries deletes deliveries with their attempts. It locks the deliveries first, in the order of their IDs as every statement does,
// so that no attempt is added meanwhile. Deliveries with more attempts than the limit lose attempts only.
func (s *Store) eraseDeliveries(tx *gorm.DB, organizationID string, limit int) (int64, error) {
	var deliveries, attempts []string
	err := s.locking(tx, forUpdate).Model(&deliveryRow{}).Where("organization_id = ?", organizationID).Order("id").Limit((limit+1)/2).Pluck("id", &deliveries).Error
	if err != nil || len(deliveries) == 0 {
		return 0, err
	}
	err = tx.Model(&attemptRow{}).Where(s.oneOf("delivery_id", deliveries)).Limit(limit).Pluck("id", &attempts).Error
	if err != nil {
		return 0, err
	}
	erased := tx.Where(s.oneOf("id", attempts)).Delete(&attemptRow{})
	if erased.Error != nil || len(deliveries)+len(attempts) > limit {
		return erased.RowsAffected, erased.Error
	}
	rows := erased.RowsAffected
	erased = tx.Where(s.oneOf("id", deliveries)).Delete(&deliveryRow{})
	return rows + erased.RowsAffected, erased.Error
}

package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

// A row of idempotency_keys is inserted in the transaction of the effect, by a statement that never waits for another transaction with the
// same key: it first tries to take an advisory lock of the key. Without the lock, or if the key has a row already, there is no effect, and
// the caller looks for the row outside of a transaction. SQLite needs no lock, because it has one writer at a time.

type idempotencyRow struct {
	OrganizationID string `gorm:"primaryKey"`
	KeyHash        []byte `gorm:"primaryKey"`
	Fingerprint    []byte
	SubjectID      string
	Answer         []byte
	Audit          []byte
	CreatedAt      time.Time `gorm:"autoCreateTime:false"`
}

func (idempotencyRow) TableName() string { return "idempotency_keys" }

// expired is the time before which keys were recorded that count no more.
func expired(now time.Time) time.Time { return now.Add(-webhook.IdempotencyLifetime) }

// lookupSlack is how much longer a key is found than it is taken, so that no key is taken and not found: the two times are measured one after
// the other, and by the clocks of two processes.
const lookupSlack = time.Minute

// FindRecorded returns the organization's records of the last 24 hours with the hashes of keys, by hash.
func (s *Store) FindRecorded(ctx context.Context, organizationID string, hashes [][sha256.Size]byte) (map[[sha256.Size]byte]webhook.Recorded, error) {
	values := make([][]byte, len(hashes))
	for i := range hashes {
		values[i] = hashes[i][:]
	}
	var rows []idempotencyRow
	err := s.db.WithContext(ctx).Where("organization_id = ? AND created_at >= ?", organizationID, expired(webhook.Now()).Add(-lookupSlack)).
		Where(s.oneOf("key_hash", values)).Find(&rows).Error
	if err != nil {
		return nil, s.translate("find idempotency keys", err)
	}
	found := make(map[[sha256.Size]byte]webhook.Recorded, len(rows))
	for _, row := range rows {
		if len(row.KeyHash) != sha256.Size || len(row.Fingerprint) != sha256.Size {
			return nil, errors.New("an idempotency key in the database is damaged")
		}
		recorded := webhook.Recorded{Fingerprint: [sha256.Size]byte(row.Fingerprint), SubjectID: row.SubjectID, Audit: row.Audit, At: row.CreatedAt.UTC()}
		if recorded.Answer, err = s.openAnswer(row); err != nil {
			return nil, err
		}
		found[[sha256.Size]byte(row.KeyHash)] = recorded
	}
	return found, nil
}

// recording runs the write that has the effect of a call, and records the call in the same transaction. The write returns the ID of what it
// made or changed, and that itself. Without a call in the context, it runs the write alone.
func (s *Store) recording(ctx context.Context, write func(tx *gorm.DB) (subjectID string, made any, err error)) error {
	call := webhook.CallOf(ctx)
	if call == nil {
		_, _, err := write(s.db.WithContext(ctx))
		return err
	}
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := s.lockKey(tx, call); err != nil {
			return err
		}
		subjectID, made, err := write(tx)
		if err != nil {
			return err
		}
		row := idempotencyRow{
			OrganizationID: call.OrganizationID, KeyHash: call.Hash[:], Fingerprint: call.Fingerprint[:], SubjectID: subjectID, Audit: call.Audit,
			CreatedAt: call.At,
		}
		if call.Answer != nil {
			if row.Answer, err = call.Answer(made); err != nil {
				return fmt.Errorf("encode the answer to record it: %w", err)
			}
			if row.Answer, err = s.sealAnswer(row); err != nil {
				return err
			}
		}
		return insertKey(tx, row)
	})
}

// lockKey takes the advisory lock of a key until the transaction ends. It returns webhook.ErrIdempotencyInProgress if another transaction
// has it.
func (s *Store) lockKey(tx *gorm.DB, call *webhook.Call) error {
	if !s.dialect.Postgres {
		return nil
	}
	var locked bool
	err := tx.Raw("SELECT pg_try_advisory_xact_lock(?)", lockOf(call.OrganizationID, call.Hash)).Row().Scan(&locked)
	if err == nil && !locked {
		return webhook.ErrIdempotencyInProgress
	}
	return err
}

// lockOf returns the number of a key's advisory lock. Two keys with the same number only wait for each other.
func lockOf(organizationID string, hash [sha256.Size]byte) int64 {
	sum := sha256.Sum256(append(hash[:], organizationID...))
	return int64(binary.BigEndian.Uint64(sum[:8])) //nolint:gosec // G115: every bit pattern is a number of a lock
}

// insertKey records a key, or returns webhook.ErrIdempotencyKeyTaken if it has a row that has not expired.
func insertKey(tx *gorm.DB, row idempotencyRow) error {
	insert := tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "organization_id"}, {Name: "key_hash"}},
		DoUpdates: clause.AssignmentColumns([]string{"fingerprint", "subject_id", "answer", "audit", "created_at"}),
		Where:     clause.Where{Exprs: []clause.Expression{gorm.Expr("idempotency_keys.created_at < ?", expired(row.CreatedAt))}},
	}).Create(&row)
	if insert.Error == nil && insert.RowsAffected == 0 {
		return webhook.ErrIdempotencyKeyTaken
	}
	return insert.Error
}

// TakeAudit removes the line of the audit log from the record of a call. Of any number of callers, taken is true for one.
func (s *Store) TakeAudit(ctx context.Context, organizationID string, hash [sha256.Size]byte) (taken bool, err error) {
	update := s.db.WithContext(ctx).Model(&idempotencyRow{}).
		Where("organization_id = ? AND key_hash = ? AND audit IS NOT NULL", organizationID, hash[:]).UpdateColumn("audit", nil)
	return update.RowsAffected == 1, s.translate("take the audit line of a call", update.Error)
}

// ListPublished returns the deliveries that were created together with events of the organization, by event, in the order of their creation.
// It leaves out later deliveries, such as replays.
func (s *Store) ListPublished(ctx context.Context, organizationID string, eventIDs []string) (map[string][]webhook.Delivery, error) {
	var rows []deliveryRow
	err := s.db.WithContext(ctx).Select("deliveries.id", "deliveries.endpoint_id", "deliveries.event_id").
		Joins("JOIN events ON events.id = deliveries.event_id AND events.created_at = deliveries.created_at").
		Where("deliveries.organization_id = ?", organizationID).Where(s.oneOf("deliveries.event_id", eventIDs)).
		Order("deliveries.id").Find(&rows).Error
	if err != nil {
		return nil, s.translate("list the deliveries of events", err)
	}
	deliveries := make(map[string][]webhook.Delivery, len(eventIDs))
	for _, row := range rows {
		deliveries[row.EventID] = append(deliveries[row.EventID], webhook.Delivery{ID: row.ID, EndpointID: row.EndpointID, EventID: row.EventID})
	}
	return deliveries, nil
}

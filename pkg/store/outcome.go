package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// RecordOutcome is RecordOutcomes for one outcome.
func (s *Store) RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	current, failures := s.RecordOutcomes(ctx, []webhook.Outcome{o})
	return current[0], failures[0]
}

// RecordOutcomes writes attempts and the new states of their deliveries, and returns the deliveries as they are now. An outcome is
// fenced by the revision on which it was decided: if the delivery has changed since, the attempt is recorded as superseded and nothing
// else changes. An outcome that was recorded before, by a commit whose answer was lost, is not recorded again.
//
// PostgreSQL records the outcomes in one statement, and then those alone that the statement left out. SQLite records them in one
// transaction. Deliveries and errors are in the order of the outcomes, and one error does not affect the other outcomes.
func (s *Store) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	if !s.dialect.Postgres {
		return s.recordEach(ctx, outcomes)
	}
	moved, err := s.recordTogether(ctx, outcomes)
	return each(outcomes, func(o webhook.Outcome) (webhook.Delivery, error) {
		switch {
		case moved[o.Attempt.ID]:
			return o.Delivery, nil
		case err != nil:
			return webhook.Delivery{}, err
		}
		return s.recordAlone(ctx, o)
	})
}

// recordTogether records the outcomes that statements for many of them can record, and returns the IDs of their attempts. Something may have
// to be published about an endpoint after the first outcome that a statement left out. When that is recorded alone, a second statement
// records the others.
func (s *Store) recordTogether(ctx context.Context, outcomes []webhook.Outcome) (map[string]bool, error) {
	moved, err := s.recordBatch(ctx, outcomes)
	if err != nil {
		return moved, err
	}
	var rest []webhook.Outcome
	first := map[string]bool{}
	for _, o := range outcomes {
		switch {
		case moved[o.Attempt.ID] || o.DisableEndpoint:
		case first[o.Delivery.EndpointID]:
			rest = append(rest, o)
		default:
			first[o.Delivery.EndpointID] = true
			current, err := s.recordAlone(ctx, o)
			moved[o.Attempt.ID] = err == nil && current.LastAttemptID == o.Attempt.ID && current.Revision == o.Delivery.Revision
		}
	}
	if len(rest) < 2 {
		return moved, nil
	}
	again, err := s.recordBatch(ctx, rest)
	maps.Copy(moved, again)
	return moved, err
}

// recordBatch records the outcomes that one statement can record, and returns the IDs of their attempts. It leaves out an outcome that
// disables its endpoint, and all but one outcome of each delivery. It records nothing and returns no error if the database refuses the
// statement, because only the outcomes alone show which of them is refused.
func (s *Store) recordBatch(ctx context.Context, outcomes []webhook.Outcome) (map[string]bool, error) {
	moves := make([]move, 0, len(outcomes))
	for _, o := range outcomes {
		if m, err := newMove(o); err == nil && !o.DisableEndpoint {
			moves = append(moves, m)
		}
	}
	// All statements lock deliveries in the order of their IDs, so that two of them cannot deadlock.
	slices.SortStableFunc(moves, func(a, b move) int { return strings.Compare(a.ID, b.ID) })
	moves = slices.CompactFunc(moves, func(a, b move) bool { return a.ID == b.ID })
	if len(moves) == 0 {
		return map[string]bool{}, nil
	}
	moved, err := s.moveBatch(s.db.WithContext(ctx), moves, false)
	if s.vanished(err) {
		moved, err = s.moveBatch(s.db.WithContext(ctx), moves, false)
	}
	err = s.translate("record attempts", err)
	if err != nil && webhook.CodeOf(err) != webhook.CodeUnavailable {
		return map[string]bool{}, nil
	}
	return moved, err
}

// recordAlone records one outcome of any kind in a transaction, and publishes what follows from it for the endpoint.
func (s *Store) recordAlone(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	var done recorded
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) (err error) {
		done, err = s.record(tx, o)
		return err
	})
	if s.vanished(err) {
		return s.recordAlone(ctx, o)
	}
	if err != nil {
		return webhook.Delivery{}, s.translate("record an attempt", err)
	}
	s.committed(ctx, done)
	return done.current, nil
}

// recordEach records the outcomes in one transaction of SQLite.
func (s *Store) recordEach(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	done := make([]recorded, len(outcomes))
	failures := together(ctx, s, outcomes, func(tx *gorm.DB, i int, o webhook.Outcome) (counted tallied, err error) {
		if done[i], err = s.record(tx, o); done[i].moved {
			counted.recorded(o)
		}
		return counted, err
	})
	current := make([]webhook.Delivery, len(outcomes))
	for i, err := range failures {
		if err != nil {
			failures[i] = s.translate("record an attempt", err)
			continue
		}
		s.committed(ctx, done[i])
		current[i] = done[i].current
	}
	return current, failures
}

// recorded is what a transaction did with an outcome: the delivery as it is now, the record of a disabled endpoint, and the deliveries of
// operational events.
type recorded struct {
	current  webhook.Delivery
	moved    bool // the outcome is not superseded
	disabled webhook.EndpointChanged
	made     []webhook.Delivery
}

// committed logs the change of the endpoint, and enqueues the deliveries of operational events.
func (s *Store) committed(ctx context.Context, done recorded) {
	done.disabled.Observe(ctx)
	s.enqueueOperational(ctx, done.made)
}

// record records one outcome of any kind. tx is a transaction.
func (s *Store) record(tx *gorm.DB, o webhook.Outcome) (done recorded, err error) {
	m, err := newMove(o)
	if err != nil {
		return done, err
	}
	endpoint, health, err := s.lockJudged(tx, o)
	if err != nil {
		return done, err
	}
	m.health = health
	moved, err := s.move(tx, m)
	if err != nil {
		return done, err
	}
	if !moved {
		row, err := supersede(tx, m.attempt)
		return recorded{current: row.delivery()}, err
	}
	done.current, done.moved = o.Delivery, true
	if endpoint.ID == "" {
		return done, nil
	}
	done.disabled, err = s.judge(tx, endpoint, o, &done.made)
	return done, err
}

// supersede records an attempt that does not change the delivery's state, and returns the delivery. It changes nothing if the attempt was
// recorded before.
func supersede(tx *gorm.DB, attempt attemptRow) (row deliveryRow, err error) {
	var recorded int64
	if err := tx.Model(&attemptRow{}).Where("id = ?", attempt.ID).Count(&recorded).Error; err != nil {
		return row, err
	}
	if recorded > 0 {
		return row, notFound(tx.Where("id = ?", attempt.DeliveryID).Take(&row).Error, "delivery", attempt.DeliveryID)
	}
	update := tx.Model(&row).Clauses(returning(&row)).Where("id = ?", attempt.DeliveryID).
		UpdateColumn("attempt_count", gorm.Expr("attempt_count + 1"))
	switch {
	case update.Error != nil:
		return row, update.Error
	case update.RowsAffected == 0:
		return row, webhook.NotFound("delivery", attempt.DeliveryID)
	}
	attempt.Number = row.AttemptCount
	attempt.Outcome = string(webhook.AttemptSuperseded)
	attempt.NextRetryAt = nil
	return row, tx.Create(&attempt).Error
}

// FailDelivery writes the end of a delivery that was decided without an attempt, fenced like an outcome. It returns the delivery as it is
// now.
func (s *Store) FailDelivery(ctx context.Context, failed webhook.Delivery) (webhook.Delivery, error) {
	current := failed
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		moved, err := s.move(tx, move{Delivery: failed})
		if err != nil {
			return err
		}
		if moved {
			return s.countDeliveries(tx, "failed", webhook.HourOf(failed.UpdatedAt), failed.ID)
		}
		var row deliveryRow
		err = notFound(tx.Where("id = ?", failed.ID).Take(&row).Error, "delivery", failed.ID)
		current = row.delivery()
		return err
	})
	return current, s.translate("fail a delivery", err)
}

package store

import (
	"context"
	"crypto/rand"
	"errors"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// noticeFull remembers that the database's disk is full. Reads still work then, so that Ping finds nothing wrong.
func (s *Store) noticeFull(err error) {
	if s.dialect.Full != nil && s.dialect.Full(err) {
		s.full.Store(true)
	}
}

// Full reports whether the last statement or probe that needed space found none.
func (s *Store) Full() bool { return s.full.Load() }

// probeSize is more than the free space of a page, in bytes, so that a probe needs another.
const probeSize = 32 << 10

var errUndo = errors.New("undo the probe")

// CheckSpace returns an error while the database's disk is full. It costs nothing until a statement has failed for want of space, and
// tries a write from then on, which is rolled back, until one works.
func (s *Store) CheckSpace(ctx context.Context) error {
	if !s.full.Load() {
		return nil
	}
	data := make([]byte, probeSize)
	_, _ = rand.Read(data) // it never fails, and nothing compresses it
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		row := newEventRow(webhook.Event{ID: webhook.NewID(webhook.KindEvent, webhook.Now()), Data: data, CreatedAt: webhook.Now()})
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		s.full.Store(false)
		return nil
	}
	return s.translate("write to a database that was full", err)
}

// Writable reports whether the database answers, takes writes and has space for them.
func (s *Store) Writable(ctx context.Context) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	return s.CheckSpace(ctx)
}

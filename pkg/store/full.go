package store

import (
	"context"
	"crypto/rand"
	"errors"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// noticeFull records that the database's disk is full. Reads still succeed then, and so does Ping.
func (s *Store) noticeFull(err error) {
	if s.dialect.Full != nil && s.dialect.Full(err) {
		s.full.Store(true)
	}
}

// Full reports whether the last statement or probe failed because the database's disk was full.
func (s *Store) Full() bool { return s.full.Load() }

// probeSize is the size of a probe in bytes. It is more than the free space of a page, so that a probe needs a new page.
const probeSize = 32 << 10

var errUndo = errors.New("undo the probe")

// CheckSpace returns an error while the database's disk is full. After a statement has failed because of it, each call tries a write and
// rolls it back, until one succeeds. Before, a call needs no statement.
func (s *Store) CheckSpace(ctx context.Context) error {
	if !s.full.Load() {
		return nil
	}
	data := make([]byte, probeSize)
	_, _ = rand.Read(data) // never fails; PostgreSQL cannot compress random bytes
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

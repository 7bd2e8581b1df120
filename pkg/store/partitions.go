package store

import (
	"context"
	"errors"
	"time"

	"redrive/pkg/webhook"
)

// Partitions divides the tables of deliveries, attempts and events by month. Package months implements it.
type Partitions interface {
	// Convert divides the tables. It returns false if they are divided already, and calls step with what it has begun.
	Convert(ctx context.Context, now time.Time, step func(string)) (bool, error)
	// Ahead makes the partitions of this month and the next ones, if the tables are divided. It returns those that it cannot make.
	Ahead(ctx context.Context, now time.Time) (missing []string, err error)
	// Drop drops the months that ended before a time. It does nothing if the tables are not divided.
	Drop(ctx context.Context, before time.Time) ([]DroppedMonth, error)
	// Describe returns how the tables are divided.
	Describe(ctx context.Context) (PartitionLayout, error)
}

// DroppedMonth is what became of a month whose rows are older than the retention time.
type DroppedMonth struct {
	// Name is the year and the month, or "first" for everything before the first month.
	Name string
	// Deliveries is how many deliveries the month had, and Kept how many of them were moved to the default partition.
	Deliveries, Kept int64
	// Attempts and Events are about how many the month had, as PostgreSQL estimates it.
	Attempts, Events int64
	// TooMany means that more deliveries are kept than are moved. The month was not dropped.
	TooMany bool
	// Locked is how long other statements were blocked.
	Locked time.Duration
}

// PartitionLayout is how the tables are divided.
type PartitionLayout struct {
	// Divided is false for tables that were not converted.
	Divided bool
	// Parts are the partitions but the default one, in the order of their times.
	Parts []Partition
	// Strays is about how many deliveries the default partition has.
	Strays int64
}

// Partition is a partition of each of the tables, for the IDs between two times. The zero From is unlimited.
type Partition struct {
	Suffix   string // of the names of its tables
	From, To time.Time

	first, end string // the bounds of the IDs of its deliveries, once learnLayout has read it; first is "" without a limit
}

// bound sets the bounds of the IDs.
func (p *Partition) bound() {
	if !p.From.IsZero() {
		p.first = webhook.FirstID(webhook.KindDelivery, p.From)
	}
	p.end = webhook.FirstID(webhook.KindDelivery, p.To)
}

// ErrPartitionsBusy means that another process converts the tables, makes partitions or drops them.
var ErrPartitionsBusy = errors.New("another process changes the partitions")

// PartitionByMonth divides the tables of deliveries, attempts and events by month, beside other processes. It returns false if they are
// divided already. After an error the tables are as they were, and it can be called again.
func (s *Store) PartitionByMonth(ctx context.Context, now time.Time, step func(string)) (bool, error) {
	if s.dialect.Partitions == nil {
		return false, errors.New("only PostgreSQL divides its tables by month")
	}
	converted, err := s.dialect.Partitions.Convert(ctx, now, step)
	if err != nil {
		return false, s.translate("divide the tables by month", err)
	}
	return converted, s.learnLayout(ctx)
}

// MakePartitions makes the partitions of this month and the next ones, if the tables are divided, and returns how they are. missing are those
// that cannot be made, because the default partition has rows of their months.
func (s *Store) MakePartitions(ctx context.Context, now time.Time) (layout PartitionLayout, missing []string, err error) {
	if s.dialect.Partitions == nil {
		return layout, nil, nil
	}
	missing, err = s.dialect.Partitions.Ahead(ctx, now)
	if errors.Is(err, ErrPartitionsBusy) {
		err = nil // the other process makes them
	}
	if err != nil {
		return layout, missing, s.translate("make partitions", err)
	}
	err = s.learnLayout(ctx)
	if known := s.layout.Load(); known != nil {
		layout = *known
	}
	return layout, missing, err
}

// DropMonths drops the partitions of months that ended before a time, with deliveries, attempts and events. It moves the deliveries that wait
// or changed later to the default partition. It does nothing if the tables are not divided, or if another process changes partitions.
func (s *Store) DropMonths(ctx context.Context, before time.Time) ([]DroppedMonth, error) {
	if s.dialect.Partitions == nil {
		return nil, nil
	}
	dropped, err := s.dialect.Partitions.Drop(ctx, before)
	if errors.Is(err, ErrPartitionsBusy) {
		return nil, nil
	}
	if len(dropped) > 0 {
		err = errors.Join(err, s.learnLayout(ctx))
	}
	return dropped, s.translate("drop old partitions", err)
}

// StartOfMonth returns the beginning of a time's month in UTC.
func StartOfMonth(at time.Time) time.Time {
	year, month, _ := at.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}

package store

import (
	"fmt"
	"time"

	"redrive/pkg/webhook"
)

type bulkJobRow struct {
	ID             string `gorm:"primaryKey"`
	OrganizationID string
	Action         string
	Filter         string
	EndpointID     string
	MaxDeliveries  int64
	PerSecond      int
	Status         string
	Total          int64
	Counted        bool
	CountedTo      string
	Processed      int64
	Applied        int64
	Skipped        string
	ProcessedTo    string
	Tokens         float64
	PacedAt        time.Time
	DueAt          time.Time
	LeaseNumber    int64
	LeasedUntil    time.Time
	OutcomeSuccess int64
	OutcomeFailure int64
	OutcomeWaiting int64
	OutcomeAt      *time.Time
	OutcomeTriedAt *time.Time
	CreatedBy      string
	CreatedAt      time.Time `gorm:"autoCreateTime:false"`
	StartedAt      *time.Time
	FinishedAt     *time.Time
}

func (bulkJobRow) TableName() string { return "bulk_jobs" }

// newBulkJobRow returns the row of a job that has not begun.
func newBulkJobRow(j webhook.BulkJob) (bulkJobRow, error) {
	filter, err := encodeColumn(j.Filter)
	return bulkJobRow{
		ID: j.ID, OrganizationID: j.OrganizationID, Action: string(j.Action), Filter: filter, EndpointID: j.EndpointID,
		MaxDeliveries: j.MaxDeliveries, PerSecond: j.PerSecond, Status: string(j.Status), Skipped: "{}",
		PacedAt: j.CreatedAt, DueAt: j.CreatedAt, LeasedUntil: j.CreatedAt, CreatedBy: j.CreatedBy, CreatedAt: j.CreatedAt,
	}, err
}

func (r bulkJobRow) job() (webhook.BulkJob, error) {
	filter, err := decodeColumn[map[string]string](r.Filter)
	if err != nil {
		return webhook.BulkJob{}, fmt.Errorf("the filter of bulk job %s: %w", r.ID, err)
	}
	skipped, err := decodeColumn[map[string]int64](r.Skipped)
	if err != nil {
		return webhook.BulkJob{}, fmt.Errorf("the counters of bulk job %s: %w", r.ID, err)
	}
	return webhook.BulkJob{
		BulkSpec: webhook.BulkSpec{
			OrganizationID: r.OrganizationID, Action: webhook.BulkAction(r.Action), Filter: filter, EndpointID: r.EndpointID,
			MaxDeliveries: r.MaxDeliveries, PerSecond: r.PerSecond, CreatedBy: r.CreatedBy,
		},
		ID: r.ID, Status: webhook.BulkStatus(r.Status), Total: r.Total, Counted: r.Counted, Processed: r.Processed, Applied: r.Applied,
		Skipped: skipped,
		Outcome: webhook.BulkOutcome{
			Success: r.OutcomeSuccess, Failure: r.OutcomeFailure, Waiting: r.OutcomeWaiting, AsOf: timeOf(r.OutcomeAt),
		},
		CreatedAt: r.CreatedAt.UTC(), StartedAt: timeOf(r.StartedAt), FinishedAt: timeOf(r.FinishedAt),
	}, nil
}

func (r bulkJobRow) pace() webhook.Pace {
	return webhook.Pace{PerSecond: r.PerSecond, Tokens: r.Tokens, At: r.PacedAt.UTC()}
}

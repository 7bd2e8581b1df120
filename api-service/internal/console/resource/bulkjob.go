package resource

import "time"

// BulkJob is a job over many deliveries.
type BulkJob struct {
	ID             string            `json:"id"`
	OrganizationID string            `json:"organizationId"`
	Action         string            `json:"action"`
	Filter         map[string]string `json:"filter"`
	EndpointID     string            `json:"endpointId"`
	MaxDeliveries  int64             `json:"maxDeliveries"`
	PerSecond      int               `json:"perSecond"`
	Status         string            `json:"status"`
	Total          *int64            `json:"total"` // nil before it was counted
	Processed      int64             `json:"processed"`
	Applied        int64             `json:"applied"`
	Skipped        map[string]int64  `json:"skipped"`
	Outcome        *struct {
		Success int64     `json:"success"`
		Failure int64     `json:"failure"`
		Waiting int64     `json:"waiting"`
		AsOf    time.Time `json:"asOf"`
	} `json:"outcome"`
	CreatedBy  string    `json:"createdBy"`
	CreatedAt  time.Time `json:"createdAt"`
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
}

// Running reports whether the job can be cancelled.
func (j BulkJob) Running() bool { return j.Status == "running" }

// BulkPlan is what a job would do.
type BulkPlan struct {
	Total  int64     `json:"total"`
	Exact  bool      `json:"exact"`
	Sample []string  `json:"sample"`
	Oldest time.Time `json:"oldest"`
	Newest time.Time `json:"newest"`
}

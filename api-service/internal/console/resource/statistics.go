package resource

import "time"

// Counts are what was counted in an interval, or in all of them.
type Counts struct {
	Start     time.Time        `json:"start"` // zero for all intervals
	Events    int64            `json:"events"`
	Created   int64            `json:"created"`
	Succeeded int64            `json:"succeeded"`
	Failed    int64            `json:"failed"`
	Attempts  int64            `json:"attempts"`
	Errors    map[string]int64 `json:"errors"`
	P50Ms     *int64           `json:"p50Ms"`
	P95Ms     *int64           `json:"p95Ms"`
	Partial   bool             `json:"partial"`
}

// Statistics are counts over time, and what waits now.
type Statistics struct {
	Series  []Counts `json:"series"`
	Totals  Counts   `json:"totals"`
	Waiting struct {
		Pending     int       `json:"pending"`
		Retrying    int       `json:"retrying"`
		OldestDueAt time.Time `json:"oldestDueAt"`
		Capped      bool      `json:"capped"`
		AsOf        time.Time `json:"asOf"`
	} `json:"waiting"`
}

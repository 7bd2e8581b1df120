package httpapi

import (
	"time"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/statistics"
	"redrive/pkg/webhook"
)

// statisticsHandlers show what was counted of an organization or an endpoint.
type statisticsHandlers struct {
	endpoints EndpointStore
	reader    *statistics.Reader
}

// statisticsParameters are the query parameters of statistics.
var statisticsParameters = []string{"from", "to", "interval", "eventType"}

// statisticsStatements is how many times as long the statements of an answer may take.
const statisticsStatements = 4

func (h statisticsHandlers) ofOrganization(c echo.Context) error { return h.show(c, "") }

func (h statisticsHandlers) ofEndpoint(c echo.Context) error {
	id, err := pathID(c, webhook.KindEndpoint)
	if err != nil {
		return err
	}
	return h.show(c, id)
}

// show answers with the statistics of an endpoint, or of all if the ID is empty.
func (h statisticsHandlers) show(c echo.Context, endpointID string) error {
	now := webhook.Now()
	query, err := statisticsQuery(c, webhook.StatisticsQuery{OrganizationID: caller(c).OrganizationID, EndpointID: endpointID}, now)
	if err != nil {
		return err
	}
	allow(c, statisticsStatements)
	ctx := c.Request().Context()
	if endpointID != "" {
		if _, err := h.endpoints.FindEndpoint(ctx, query.OrganizationID, endpointID); err != nil {
			return err
		}
	}
	found, waiting, err := h.reader.Read(ctx, query, now)
	if err != nil {
		return err
	}
	return ok(c, viewStatistics(query, found, waiting))
}

// statisticsQuery parses the parameters into a query.
func statisticsQuery(c echo.Context, q webhook.StatisticsQuery, now time.Time) (webhook.StatisticsQuery, error) {
	parameters := parametersOf(c)
	q.Interval = webhook.IntervalHour
	if err := webhook.ParseParameter(parameters, "interval", &q.Interval, webhook.ParseInterval); err != nil {
		return q, err
	}
	if err := webhook.ParseParameter(parameters, "eventType", &q.EventType, webhook.ParseEventType); err != nil {
		return q, err
	}
	from, to, err := timeRange(parameters)
	if err != nil {
		return q, err
	}
	return q.Between(from, to, now)
}

type statisticsView struct {
	Series  []intervalView `json:"series"`
	Totals  countsView     `json:"totals"`
	Waiting waitingView    `json:"waiting"`
}

type intervalView struct {
	Start webhook.Timestamp `json:"start"`
	countsView
}

type countsView struct {
	Events    *int64           `json:"events,omitempty"` // absent of an endpoint
	Created   int64            `json:"created"`
	Succeeded int64            `json:"succeeded"`
	Failed    int64            `json:"failed"`
	Attempts  int64            `json:"attempts"`
	Errors    map[string]int64 `json:"errors"`
	P50       *int64           `json:"p50Ms,omitempty"`
	P95       *int64           `json:"p95Ms,omitempty"`
	Partial   bool             `json:"partial"`
}

type waitingView struct {
	Pending     int               `json:"pending"`
	Retrying    int               `json:"retrying"`
	OldestDueAt webhook.Timestamp `json:"oldestDueAt,omitzero"`
	Capped      bool              `json:"capped"`
	AsOf        webhook.Timestamp `json:"asOf"`
}

func viewStatistics(q webhook.StatisticsQuery, s webhook.Statistics, w webhook.Waiting) statisticsView {
	view := statisticsView{
		Series: make([]intervalView, len(s.Series)), Totals: viewCounts(q, s.Totals),
		Waiting: waitingView{w.Pending, w.Retrying, webhook.Timestamp(w.OldestDueAt), w.Capped, webhook.Timestamp(w.AsOf)},
	}
	for i, interval := range s.Series {
		view.Series[i] = intervalView{webhook.Timestamp(interval.Start), viewCounts(q, interval)}
	}
	return view
}

func viewCounts(q webhook.StatisticsQuery, i webhook.StatisticsInterval) countsView {
	view := countsView{
		Created: i.Created, Succeeded: i.Succeeded, Failed: i.Failed, Attempts: i.Attempts, Errors: i.Errors, Partial: i.Partial,
		P50: quantile(i.Durations, 0.5), P95: quantile(i.Durations, 0.95),
	}
	if q.EndpointID == "" {
		view.Events = &i.Events
	}
	if view.Errors == nil {
		view.Errors = map[string]int64{}
	}
	return view
}

// quantile returns nil if no attempt was answered.
func quantile(d webhook.Durations, share float64) *int64 {
	if milliseconds, ok := d.Quantile(share); ok {
		return &milliseconds
	}
	return nil
}

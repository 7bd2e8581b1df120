package httpapi

import (
	"context"
	"log/slog"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// BulkJobStore reads and writes bulk jobs.
type BulkJobStore interface {
	bulkJobReader
	PlanBulkJob(ctx context.Context, spec webhook.BulkSpec) (webhook.BulkPlan, error)
	CreateBulkJob(ctx context.Context, spec webhook.BulkSpec) (webhook.BulkJob, error)
	CancelBulkJob(ctx context.Context, organizationID, id string) (webhook.BulkJob, error)
}

// bulkJobReader reads bulk jobs.
type bulkJobReader interface {
	ListBulkJobs(ctx context.Context, organizationID string, page webhook.Page) (webhook.List[webhook.BulkJob], error)
	FindBulkJob(ctx context.Context, organizationID, id string) (webhook.BulkJob, error)
}

type bulkJobHandlers struct {
	store BulkJobStore
	log   *slog.Logger
}

type bulkJobRequest struct {
	Action        webhook.BulkAction `json:"action"`
	Filter        map[string]string  `json:"filter"`
	EndpointID    *string            `json:"endpointId"`
	MaxDeliveries *int64             `json:"maxDeliveries"`
	PerSecond     *int               `json:"perSecond"`
}

// specOf returns the checked spec in the body.
func specOf(c echo.Context) (webhook.BulkSpec, error) {
	request, err := decode[bulkJobRequest](c)
	if err != nil {
		return webhook.BulkSpec{}, err
	}
	identity := caller(c)
	spec := webhook.BulkSpec{
		OrganizationID: identity.OrganizationID, Action: request.Action, Filter: request.Filter,
		PerSecond: webhook.DefaultBulkPerSecond, CreatedBy: identity.ID,
	}
	if request.EndpointID != nil {
		if *request.EndpointID == "" && request.Action != webhook.BulkDeliver {
			return spec, webhook.ErrBulkEndpoint // Check would take it for none
		}
		spec.EndpointID = *request.EndpointID
	}
	if request.MaxDeliveries != nil {
		if *request.MaxDeliveries == 0 {
			*request.MaxDeliveries = -1 // Check refuses it: 0 would be no limit
		}
		spec.MaxDeliveries = *request.MaxDeliveries
	}
	if request.PerSecond != nil {
		spec.PerSecond = *request.PerSecond
	}
	return spec, spec.Check()
}

func (h bulkJobHandlers) create(c echo.Context) error {
	spec, err := specOf(c)
	if err != nil {
		return err
	}
	allow(c, bulkStatements)
	job, err := h.store.CreateBulkJob(c.Request().Context(), spec)
	return okBulkJob(c, job, err)
}

// bulkStatements is how many times as long as one statement the creation, the plan and the outcome of a job may take.
const bulkStatements = 3

func (h bulkJobHandlers) plan(c echo.Context) error {
	spec, err := specOf(c)
	if err != nil {
		return err
	}
	allow(c, bulkStatements)
	plan, err := h.store.PlanBulkJob(c.Request().Context(), spec)
	if err != nil {
		return err
	}
	return ok(c, ViewBulkPlan(plan))
}

func (h bulkJobHandlers) list(c echo.Context) error {
	page, err := pageOf(c)
	if err != nil {
		return err
	}
	list, err := h.store.ListBulkJobs(c.Request().Context(), caller(c).OrganizationID, page)
	if err != nil {
		return err
	}
	return okWalk(c, list, page, func(j webhook.BulkJob) (BulkJobView, error) { return ViewBulkJob(j), nil })
}

func (h bulkJobHandlers) get(c echo.Context) error {
	id, err := pathID(c, webhook.KindBulkJob)
	if err != nil {
		return err
	}
	return h.show(c, id)
}

// show answers with a job as it is now.
func (h bulkJobHandlers) show(c echo.Context, id string) error {
	allow(c, bulkStatements)
	job, err := h.store.FindBulkJob(c.Request().Context(), caller(c).OrganizationID, id)
	return okBulkJob(c, job, err)
}

// current answers a repeated creation with the job as it is now.
func (h bulkJobHandlers) current(c echo.Context, recorded webhook.Recorded) error {
	return h.show(c, recorded.SubjectID)
}

func (h bulkJobHandlers) cancel(c echo.Context) error {
	id, err := pathID(c, webhook.KindBulkJob)
	if err != nil {
		return err
	}
	if err := decodeNothing(c); err != nil {
		return err
	}
	job, err := h.store.CancelBulkJob(c.Request().Context(), caller(c).OrganizationID, id)
	if err == nil {
		h.log.InfoContext(c.Request().Context(), "bulk job cancelled", "jobId", job.ID, "organizationId", job.OrganizationID,
			"action", string(job.Action), "total", job.Total, "processed", job.Processed, "by", caller(c).ID)
	}
	return okBulkJob(c, job, err)
}

func okBulkJob(c echo.Context, job webhook.BulkJob, err error) error {
	if err != nil {
		return err
	}
	return ok(c, ViewBulkJob(job))
}

// BulkJobView is a bulk job as JSON shows it.
type BulkJobView struct {
	ID             string            `json:"id"`
	OrganizationID string            `json:"organizationId"`
	Action         string            `json:"action"`
	Filter         map[string]string `json:"filter"`
	EndpointID     string            `json:"endpointId,omitempty"`
	MaxDeliveries  int64             `json:"maxDeliveries,omitempty"`
	PerSecond      int               `json:"perSecond"`
	Status         string            `json:"status"`
	Total          *int64            `json:"total,omitempty"` // absent before it was counted
	Processed      int64             `json:"processed"`
	Applied        int64             `json:"applied"`
	Skipped        map[string]int64  `json:"skipped"`
	Outcome        *bulkOutcomeView  `json:"outcome,omitempty"` // absent before it was counted
	CreatedBy      string            `json:"createdBy"`
	CreatedAt      webhook.Timestamp `json:"createdAt"`
	StartedAt      webhook.Timestamp `json:"startedAt,omitzero"`
	FinishedAt     webhook.Timestamp `json:"finishedAt,omitzero"`
}

type bulkOutcomeView struct {
	Success int64             `json:"success"`
	Failure int64             `json:"failure"`
	Waiting int64             `json:"waiting"`
	AsOf    webhook.Timestamp `json:"asOf"`
}

// ViewBulkJob returns the view of a job.
func ViewBulkJob(j webhook.BulkJob) BulkJobView {
	view := BulkJobView{
		ID: j.ID, OrganizationID: j.OrganizationID, Action: string(j.Action), Filter: j.Filter, EndpointID: j.EndpointID,
		MaxDeliveries: j.MaxDeliveries, PerSecond: j.PerSecond, Status: string(j.Status), Processed: j.Processed, Applied: j.Applied,
		Skipped: j.Skipped, CreatedBy: j.CreatedBy, CreatedAt: webhook.Timestamp(j.CreatedAt), StartedAt: webhook.Timestamp(j.StartedAt),
		FinishedAt: webhook.Timestamp(j.FinishedAt),
	}
	if j.Counted {
		view.Total = &j.Total
	}
	if o := j.Outcome; !o.AsOf.IsZero() {
		view.Outcome = &bulkOutcomeView{Success: o.Success, Failure: o.Failure, Waiting: o.Waiting, AsOf: webhook.Timestamp(o.AsOf)}
	}
	return view
}

// BulkPlanView is the plan of a bulk job as JSON shows it.
type BulkPlanView struct {
	Total  int64             `json:"total"`
	Exact  bool              `json:"exact"`
	Sample []string          `json:"sample"`
	Oldest webhook.Timestamp `json:"oldest,omitzero"`
	Newest webhook.Timestamp `json:"newest,omitzero"`
}

// ViewBulkPlan returns the view of a plan.
func ViewBulkPlan(p webhook.BulkPlan) BulkPlanView {
	view := BulkPlanView{Total: p.Total, Exact: p.Exact, Sample: p.Sample, Oldest: webhook.Timestamp(p.Oldest), Newest: webhook.Timestamp(p.Newest)}
	if view.Sample == nil {
		view.Sample = []string{}
	}
	return view
}

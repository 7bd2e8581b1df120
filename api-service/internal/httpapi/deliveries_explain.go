package httpapi

import (
	"context"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/explain"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// Explainer explains deliveries: explain.Explainer.
type Explainer interface {
	Explain(ctx context.Context, organizationID, id string) (explain.Explanation, explain.Facts, error)
}

type explainHandlers struct{ explainer Explainer }

type explanationView struct {
	DeliveryID  string                 `json:"deliveryId"`
	Status      string                 `json:"status"`
	Code        string                 `json:"code"`
	Summary     string                 `json:"summary"`
	Since       webhook.Timestamp      `json:"since,omitzero"`
	NextAttempt *nextAttemptView       `json:"nextAttempt,omitempty"`
	LastAttempt *attemptView           `json:"lastAttempt,omitempty"`
	EventID     string                 `json:"eventId"`
	ReplayOf    string                 `json:"replayOf,omitempty"`
	BulkJobID   string                 `json:"bulkJobId,omitempty"`
	Endpoint    explainedEndpointView  `json:"endpoint"`
	Queue       explainedQueueView     `json:"queue"`
	Causes      []explanationCauseView `json:"causes"`
}

type nextAttemptView struct {
	At          webhook.Timestamp `json:"at"`
	Number      int               `json:"number"`
	MaxAttempts int               `json:"maxAttempts"`
}

type explainedEndpointView struct {
	ID       string            `json:"id"`
	Status   string            `json:"status,omitempty"` // absent if an operator has removed the endpoint
	PausedAt webhook.Timestamp `json:"pausedAt,omitzero"`
	Circuit  string            `json:"circuit"`
	// InFlight and InFlightLimit are absent if they are not known.
	InFlight      *int `json:"inFlight,omitempty"`
	InFlightLimit *int `json:"inFlightLimit,omitempty"`
	RateLimit     int  `json:"rateLimit"`
}

type explainedQueueView struct {
	State queue.Presence `json:"state"`
}

type explanationCauseView struct {
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Since   webhook.Timestamp `json:"since,omitzero"`
	Until   webhook.Timestamp `json:"until,omitzero"`
}

// explanationStatements is how many times as long as one statement an explanation may take: it reads the delivery up to three times.
const explanationStatements = 3

func (h explainHandlers) get(c echo.Context) error {
	id, err := pathID(c, webhook.KindDelivery)
	if err != nil {
		return err
	}
	allow(c, explanationStatements)
	explanation, facts, err := h.explainer.Explain(c.Request().Context(), caller(c).OrganizationID, id)
	if err != nil {
		return err
	}
	view, err := viewExplanation(explanation, facts)
	if err != nil {
		return err
	}
	return ok(c, view)
}

func viewExplanation(e explain.Explanation, f explain.Facts) (explanationView, error) {
	d := f.Record.Delivery
	view := explanationView{
		DeliveryID: d.ID, Status: string(d.Status), Code: string(e.Code), Summary: e.Summary, Since: webhook.Timestamp(e.Since),
		EventID: d.EventID, ReplayOf: d.ReplayOf, BulkJobID: d.BulkJobID, Queue: explainedQueueView{e.Task}, Endpoint: viewExplainedEndpoint(e.Endpoint),
		Causes: make([]explanationCauseView, len(e.Causes)),
	}
	if n := e.Next; n != nil {
		view.NextAttempt = &nextAttemptView{webhook.Timestamp(n.At), n.Number, n.Most}
	}
	for i, cause := range e.Causes {
		view.Causes[i] = explanationCauseView{string(cause.Code), cause.Message, webhook.Timestamp(cause.Since), webhook.Timestamp(cause.Until)}
	}
	if last := f.Record.LastAttempt; last != nil {
		attempt, err := viewAttempt(*last)
		if err != nil {
			return explanationView{}, err
		}
		view.LastAttempt = &attempt
	}
	return view, nil
}

func viewExplainedEndpoint(e explain.EndpointView) explainedEndpointView {
	view := explainedEndpointView{
		ID: e.ID, Status: string(e.Status), PausedAt: webhook.Timestamp(e.PausedAt), Circuit: string(e.Circuit), RateLimit: e.RateLimit,
	}
	if e.Known {
		view.InFlight, view.InFlightLimit = &e.InFlight, &e.Limit
	}
	return view
}

package deliveries

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

type oneView struct {
	Delivery    resource.Delivery
	Explanation resource.Explanation
	// Endpoint is without a name if it was deleted.
	Endpoint  resource.Endpoint
	Attempts  []resource.Attempt
	Siblings  []resource.Delivery
	Exchange  exchange
	Signature signature
	Curl      string
	Commands  []command
	Permalink string
	// MoreAttempts says that there are older attempts than those of the page.
	MoreAttempts bool
}

// command is a call of the API that an action makes.
type command struct{ Name, Text string }

// Text is the explanation as text to paste into a mail.
func (v oneView) Text() string {
	text := v.Explanation.Summary + "\n\nDelivery: " + v.Delivery.ID + "\nEvent: " + v.Explanation.EventID + " (" + v.Delivery.EventType + ")" +
		"\nEndpoint: " + v.Delivery.EndpointID
	if v.Endpoint.Name != "" {
		text += " (" + v.Endpoint.Name + ", " + v.Endpoint.URL + ")"
	}
	text += "\nStatus: " + v.Delivery.Status + " (" + v.Explanation.Code + ")\nCreated: " + webhook.FormatTime(v.Delivery.CreatedAt)
	if v.Delivery.RunID != "" {
		text += "\nRun: " + v.Delivery.RunID
	}
	for _, a := range slices.Backward(v.Attempts) {
		text += "\n" + attemptLine(a)
	}
	if next := v.Explanation.NextAttempt; next != nil {
		text += "\nNext attempt: " + webhook.FormatTime(next.At)
	}
	return text + "\n" + v.Permalink
}

func attemptLine(a resource.Attempt) string {
	line := "Attempt " + web.Count(a.Number) + ": " + webhook.FormatTime(a.StartedAt) + ", " + a.Outcome
	if a.ResponseStatus != 0 {
		line += ", answered " + web.StatusText(a.ResponseStatus)
	}
	if a.ErrorMessage != "" {
		line += ", " + a.ErrorMessage
	}
	return line
}

const attemptsShown = 50

func (p handlers) show(q *web.Request) error {
	id := q.Param("id")
	if err := webhook.CheckID(webhook.KindDelivery, id); err != nil {
		return web.Refuse(http.StatusNotFound, "There is no such delivery", "The ID in the address is not that of a delivery.")
	}
	var v oneView
	var err error
	if v.Delivery, err = p.find(q, id); err != nil {
		return err
	}
	if err := v.read(q); err != nil {
		return err
	}
	if v.Exchange, err = web.Shared(q, "exchange of "+id, func(ctx context.Context) (exchange, error) { return p.readExchange(ctx, q.Organization.ID, id) }); err != nil {
		return err
	}
	if v.Signature, err = p.check(q, v); err != nil {
		return err
	}
	v.Curl = v.Exchange.curl(v.Endpoint.URL)
	v.Permalink = q.Site.Permalink(q.To("deliveries", id))
	v.Commands = commandsOf(q, v.Delivery)
	return q.Show(onePage, "Delivery", v)
}

// find reads the delivery itself, without bodies.
func (p handlers) find(q *web.Request, id string) (resource.Delivery, error) {
	return web.Shared(q, "delivery "+id, func(ctx context.Context) (resource.Delivery, error) {
		found, err := p.bodies.Store.ReadDeliveriesWithoutBodies(ctx, q.Organization.ID, []string{id})
		if err != nil {
			return resource.Delivery{}, err
		}
		if len(found) == 0 {
			return resource.Delivery{}, web.Refuse(http.StatusNotFound, "There is no such delivery", "It does not exist in this organization, or it was purged after the retention time.")
		}
		return viewOf(found[0]), nil
	})
}

func viewOf(r webhook.Record) resource.Delivery {
	d := r.Delivery
	view := resource.Delivery{
		ID: d.ID, EndpointID: d.EndpointID, EventType: r.Event.Type, WorkflowID: r.Event.WorkflowID, RunID: r.Event.RunID, ExecutionID: r.Event.ExecutionID,
		Status: string(d.Status), RetryCount: d.RetryCount, MaxRetries: d.MaxRetries, NextRetryAt: d.NextRetryAt, ErrorMessage: r.ErrorMessage(),
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
	if a := r.LastAttempt; a != nil {
		milliseconds := a.Duration.Milliseconds()
		view.ResponseStatus, view.DurationMs = a.ResponseStatus, &milliseconds
	}
	return view
}

// read reads what the API knows of the delivery.
func (v *oneView) read(q *web.Request) error {
	id := v.Delivery.ID
	if err := q.Get(path+"/"+id+"/explain", nil, &v.Explanation); err != nil {
		return err
	}
	var attempts resource.List[resource.Attempt]
	if err := q.Get(path+"/"+id+"/attempts", url.Values{"limit": {web.Count(attemptsShown)}, "bodies": {"false"}}, &attempts); err != nil {
		return err
	}
	v.Attempts, v.MoreAttempts = attempts.Items, attempts.HasMore
	var siblings resource.List[resource.Delivery]
	if err := q.Get(path, url.Values{"eventId": {v.Explanation.EventID}, "bodies": {"false"}}, &siblings); err != nil {
		return err
	}
	v.Siblings = slices.DeleteFunc(siblings.Items, func(d resource.Delivery) bool { return d.ID == id })
	if err := q.Get(base+"/"+v.Delivery.EndpointID, nil, &v.Endpoint); err != nil {
		if failure := web.FailureOf(err); failure == nil || failure.Status != http.StatusNotFound {
			return err
		}
	}
	return nil
}

// commandsOf returns the calls of the actions that the delivery allows.
func commandsOf(q *web.Request, d resource.Delivery) []command {
	call := func(action string) string { return q.Curl(http.MethodPost, path+"/"+d.ID+"/"+action, "") }
	commands := []command{{"Read", q.Curl(http.MethodGet, path+"/"+d.ID, "")}, {"Explain", q.Curl(http.MethodGet, path+"/"+d.ID+"/explain", "")}}
	if d.Failed() {
		commands = append(commands, command{"Retry", call("retry")})
	}
	commands = append(commands, command{"Replay", call("replay")})
	if d.Waiting() {
		commands = append(commands, command{"Cancel", call("cancel")})
	}
	return commands
}

// Moment is an entry of the timeline.
type Moment struct {
	At      time.Time
	Attempt *resource.Attempt
	// Text says what happened, where it was not an attempt.
	Text string
}

// Timeline returns what happened to the delivery, the oldest first, and what is due.
func (v oneView) Timeline() []Moment {
	moments := []Moment{{At: v.Delivery.CreatedAt, Text: "Created"}}
	for _, a := range slices.Backward(v.Attempts) {
		moments = append(moments, Moment{At: a.StartedAt, Attempt: &a})
	}
	if next := v.Explanation.NextAttempt; next != nil {
		moments = append(moments, Moment{At: next.At, Text: "Attempt " + web.Count(next.Number) + " of at most " + web.Count(next.MaxAttempts) + " is due"})
	}
	return moments
}

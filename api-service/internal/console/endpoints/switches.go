package endpoints

import (
	"net/http"
	"net/url"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// switching is a change of an endpoint that one button makes. It has no effect on an endpoint that is so already.
type switching struct {
	action string
	// is reports whether the endpoint is so already.
	is         func(e resource.Endpoint) bool
	done, same string
}

var switches = []switching{
	{"pause", resource.Endpoint.Paused, "The endpoint is paused. Its deliveries wait until it is resumed.", "Nothing was changed: the endpoint is paused already."},
	{
		"resume", func(e resource.Endpoint) bool { return !e.Paused() },
		"The endpoint is resumed. What is overdue is sent now.", "Nothing was changed: the endpoint is not paused.",
	},
	{
		"disable", resource.Endpoint.Disabled,
		"The endpoint is disabled. New events make no delivery for it.", "Nothing was changed: the endpoint is disabled already.",
	},
	{
		"enable", func(e resource.Endpoint) bool { return !e.Disabled() },
		"The endpoint is enabled. New events are delivered to it again.", "Nothing was changed: the endpoint is enabled already.",
	},
}

// handle makes the change. After enabling, the page offers to send what was missed.
func (s switching) handle(q *web.Request) error {
	endpoint, err := find(q)
	if err != nil {
		return err
	}
	if s.is(endpoint) {
		q.SetFlash(web.Same, s.same)
		return q.Redirect(q.To(section, endpoint.ID))
	}
	var changed resource.Endpoint
	if _, err := q.Send(http.MethodPost, base+"/"+endpoint.ID+"/"+s.action, nil, &changed); err != nil {
		if err := q.FlashFailure(err); err != nil {
			return err
		}
		return q.Redirect(q.To(section, endpoint.ID))
	}
	q.SetFlash(web.Done, s.done)
	query := url.Values{}
	if endpoint.Disabled() && !changed.Disabled() && !endpoint.DisabledAt.IsZero() {
		query.Set(missedParameter, webhook.FormatTime(endpoint.DisabledAt))
	}
	return q.Redirect(q.ToWith(query, section, endpoint.ID))
}

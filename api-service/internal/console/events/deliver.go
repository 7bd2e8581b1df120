package events

import (
	"net/http"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

// delivered is the body of the call that delivers an event to one endpoint.
type delivered struct {
	EndpointID string `json:"endpointId"`
}

// deliver makes a delivery of the event to one endpoint, and leads to it.
func deliver(q *web.Request) error {
	id, err := idOf(q)
	if err != nil {
		return err
	}
	var made resource.Delivery
	repeated, err := q.Send(http.MethodPost, path+"/"+id+"/deliver", delivered{q.Form("endpointId")}, &made)
	switch {
	case err != nil:
		if err := q.FlashFailure(err); err != nil {
			return err
		}
		return q.Redirect(q.To("events", id))
	case repeated:
		q.SetFlash(web.Same, "The event was sent to this endpoint before, by the same form. Nothing was sent again.")
	default:
		q.SetFlash(web.Done, "This is the new delivery of the event.")
	}
	return q.Redirect(q.To("deliveries", made.ID))
}

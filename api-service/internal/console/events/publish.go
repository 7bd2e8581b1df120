package events

import (
	"net/http"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/web/body"
)

type publishView struct {
	Form      form
	Catalogue []resource.EventType
	Wrong     *web.APIError
	Curl      string
}

// Chosen returns the entry of the catalogue for the form's event type, or nil.
func (v publishView) Chosen() *resource.EventType {
	for i := range v.Catalogue {
		if v.Catalogue[i].Name == v.Form.EventType {
			return &v.Catalogue[i]
		}
	}
	return nil
}

// showForm shows the form. An event type in the address is filled in, with its sample from the catalogue.
func showForm(q *web.Request) error {
	view := publishView{Form: form{EventType: q.Query("eventType"), Data: "{}"}}
	if err := view.read(q); err != nil {
		return err
	}
	if chosen := view.Chosen(); chosen != nil && len(chosen.Sample) > 0 {
		view.Form.Data = sampleOf(*chosen)
	}
	return view.show(q, http.StatusOK)
}

// sampleOf returns the sample of an event type with line breaks, unless that makes it too long to be whole.
func sampleOf(t resource.EventType) string {
	if text := body.Pretty(t.Sample); len(text) < body.MaxPretty {
		return string(text)
	}
	return string(t.Sample)
}

func (v *publishView) read(q *web.Request) (err error) {
	v.Catalogue, _, err = pages.All[resource.EventType](q, "/v1/event-types")
	return err
}

func (v *publishView) show(q *web.Request, status int) error {
	if len(v.Form.Data) <= maxCopied {
		v.Curl = v.Form.curl(q)
	}
	return q.Render(status, publishPage, "Publish a test event", *v)
}

// publish publishes the form's event, and leads to it.
func publish(q *web.Request) error {
	view := publishView{Form: formOf(q)}
	body, wrong := view.Form.body()
	if wrong != nil {
		return view.refuse(q, wrong)
	}
	var made resource.Published
	repeated, err := q.Send(http.MethodPost, path, body, &made)
	if err != nil {
		if wrong, err = pages.Refused(err); err != nil {
			return err
		}
		return view.refuse(q, wrong)
	}
	if repeated {
		q.SetFlash(web.Same, "This event was published before, by the same form. Nothing was published again.")
	} else {
		q.SetFlash(web.Done, outcome(made))
	}
	return q.Redirect(q.To("events", made.Event.ID))
}

// refuse shows the form again, with what is wrong.
func (v *publishView) refuse(q *web.Request, wrong *web.APIError) error {
	v.Wrong = wrong
	if err := v.read(q); err != nil {
		return err
	}
	return v.show(q, wrong.Status)
}

// outcome says how many deliveries an event made.
func outcome(made resource.Published) string {
	switch n := len(made.Deliveries); n {
	case 0:
		return "The event was published. It made no delivery, because no active endpoint is subscribed to " + made.Event.EventType + "."
	case 1:
		return "The event was published. It made 1 delivery."
	default:
		return "The event was published. It made " + web.Count(n) + " deliveries."
	}
}

package endpoints

import (
	"net/http"
	"net/url"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

// edit shows the form with the endpoint's values.
func edit(q *web.Request) error {
	endpoint, err := find(q)
	if err != nil {
		return err
	}
	filled := formOf(endpoint)
	return formView{Endpoint: endpoint, Form: filled, Was: filled.values.Encode()}.show(q)
}

// save changes the fields that were edited.
func save(q *web.Request) error {
	endpoint, err := find(q)
	if err != nil {
		return err
	}
	v := formView{Endpoint: endpoint, Form: form{q.R.PostForm}, Was: q.Form("was")}
	was, err := url.ParseQuery(v.Was)
	if err != nil {
		return web.Refuse(http.StatusBadRequest, "The form could not be read", "Its hidden field is malformed. Open the page again and repeat the change.")
	}
	body, wrong := v.Form.patch(form{was})
	if len(wrong) > 0 {
		v.Wrong = invalid(wrong)
		return v.show(q)
	}
	var changed resource.Endpoint
	if len(body) > 0 {
		if _, err := q.Send(http.MethodPatch, base+"/"+endpoint.ID, body, &changed); err != nil {
			if v.Wrong, err = refusal(err); err != nil {
				return err
			}
			return v.show(q)
		}
	}
	if len(body) == 0 || changed.UpdatedAt.Equal(endpoint.UpdatedAt) {
		q.SetFlash(web.Same, "Nothing was changed: the endpoint has these values already.")
	} else {
		q.SetFlash(web.Done, "The endpoint was changed. Deliveries use the new values within a second.")
	}
	return q.Redirect(q.To(section, endpoint.ID))
}

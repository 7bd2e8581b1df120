package endpoints

import (
	"net/http"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

// begin shows the empty form.
func begin(q *web.Request) error { return newView(q).show(q) }

func newView(q *web.Request) formView {
	return formView{Curl: q.Curl(http.MethodPost, base, `{"name": "Billing", "url": "https://hooks.example.com/redrive", "subscribedEventTypes": []}`)}
}

// create makes the endpoint and shows its signing secret. A form that is sent again shows the same endpoint and secret.
func create(q *web.Request) error {
	v := newView(q)
	v.Form = form{q.R.PostForm}
	body, wrong := v.Form.spec()
	if len(wrong) > 0 {
		v.Wrong = invalid(wrong)
		return v.show(q)
	}
	var made resource.WithSecret
	repeated, err := q.Send(http.MethodPost, base, body, &made)
	if err != nil {
		if v.Wrong, err = refusal(err); err != nil {
			return err
		}
		return v.show(q)
	}
	return q.Show(secretPage, "Signing secret", secretView{Endpoint: made.Endpoint, Secret: made.SigningSecret, Repeated: repeated, Snippets: snippets})
}

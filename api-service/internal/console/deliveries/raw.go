package deliveries

import (
	"encoding/json"

	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/web/body"
	"redrive/pkg/webhook"
)

// raw shows the delivery as the API answers it.
func (p handlers) raw(q *web.Request) error {
	id := q.Param("id")
	if webhook.CheckID(webhook.KindDelivery, id) != nil {
		return web.ErrNotFound()
	}
	ctx, cancel := q.Timed()
	defer cancel()
	_, release, err := p.record(ctx, q.Organization.ID, id)
	if err != nil {
		return err
	}
	defer release() // the page is as large as the record
	var data json.RawMessage
	if err := q.Get(path+"/"+id, nil, &data); err != nil {
		return err
	}
	return q.Show(rawPage, "Raw delivery", rawView{id, body.Of(body.Pretty(data))})
}

type rawView struct {
	ID   string
	JSON body.Body
}

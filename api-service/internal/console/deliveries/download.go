package deliveries

import (
	"context"
	"mime"
	"net/http"
	"strconv"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// downloadRequest answers with the exact bytes that are sent.
func (p handlers) downloadRequest(q *web.Request) error {
	return p.download(q, "request", p.sentBody)
}

// downloadResponse answers with the bytes that were kept of the last answer.
func (p handlers) downloadResponse(q *web.Request) error {
	return p.download(q, "response", func(_ context.Context, r webhook.Record) ([]byte, error) {
		if r.LastAttempt == nil {
			return nil, nil
		}
		return r.LastAttempt.ResponseBody, nil
	})
}

// download answers with an attachment, which a browser saves and does not render, whatever it contains.
func (p handlers) download(q *web.Request, part string, bytesOf func(context.Context, webhook.Record) ([]byte, error)) error {
	id := q.Param("id")
	if webhook.CheckID(webhook.KindDelivery, id) != nil {
		return web.ErrNotFound()
	}
	ctx, cancel := q.Timed()
	defer cancel()
	record, release, err := p.record(ctx, q.Organization.ID, id)
	if err != nil {
		return err
	}
	defer release()
	content, err := bytesOf(ctx, record)
	if err != nil {
		return err
	}
	header := q.W.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": id + "-" + part + ".bin"}))
	header.Set("Content-Length", strconv.Itoa(len(content)))
	q.W.WriteHeader(http.StatusOK)
	_, _ = q.W.Write(content) // an error means that the connection is gone
	return nil
}

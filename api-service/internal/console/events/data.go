package events

import (
	"mime"
	"net/http"
	"strconv"

	"redrive/api-service/internal/console/web"
)

// download answers with the data of the event as it was published. It is an attachment, which a browser saves and does not render, whatever
// it contains.
func download(q *web.Request) error {
	found, err := find(q)
	if err != nil {
		return err
	}
	header := q.W.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": found.Event.ID + "-data.json"}))
	header.Set("Content-Length", strconv.Itoa(len(found.Event.Data)))
	q.W.WriteHeader(http.StatusOK)
	_, _ = q.W.Write(found.Event.Data) // an error means that the connection is gone
	return nil
}

package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// errNotShared is returned for an answer that viewers do not share, because it is no page that was shown.
var errNotShared = errors.New("the answer is not shared")

// refresh answers a page that refreshes itself with its content alone. All viewers of the page with the same rights share one rendering, which
// is at most snapshotAge old and may show answers of the API that were as old again. The forms in it have the same idempotency keys for all of them: an action that two viewers take on what they both
// see has its effect once.
func (q *Request) refresh(route Route) error {
	key := snapshotKey{q.Organization.ID, fmt.Sprintf("page %t %t %t %s %s", q.CanWrite(), q.Session.ByLink, q.Session.Operator(), q.Session.APIKeyID, q.R.URL.RequestURI())}
	page, err := q.kit.snapshots.get(q.Context(), key, true, func(ctx context.Context) (json.RawMessage, error) {
		shown := &recorder{header: http.Header{}}
		shared := *q
		shared.W, shared.R = shown, q.R.WithContext(ctx)
		shown.header.Set("X-Request-Id", q.requestID())
		if err := route.Handle(&shared); err != nil {
			return nil, err
		}
		if shown.status != http.StatusOK || shown.header.Get("Content-Type") != contentType {
			return nil, errNotShared
		}
		return shown.body.Bytes(), nil
	})
	if errors.Is(err, errNotShared) {
		return route.Handle(q)
	}
	if err != nil {
		return err
	}
	header := q.W.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(page)))
	_, _ = q.W.Write(page) // an error means that the connection is gone
	return nil
}

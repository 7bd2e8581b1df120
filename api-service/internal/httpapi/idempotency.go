package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

const (
	// headerIdempotencyKey is the request header with the key of a call, and headerReplayed marks the answer to a repeated one.
	headerIdempotencyKey = "Idempotency-Key"
	headerReplayed       = "Idempotency-Replayed"

	// maxHeaderKey leaves room for the /999 that a batch appends to the key for each of its events.
	maxHeaderKey = 250

	// callWait is how long a repeated call waits for the first one.
	callWait = 5 * time.Second
	// The pause between two lookups doubles from firstCallPause to lastCallPause.
	firstCallPause, lastCallPause = 10 * time.Millisecond, 250 * time.Millisecond
	// callStatements is how many times as long a call with a key may take: it looks for the key before and after its effect.
	callStatements = 3
)

// CallStore finds calls with idempotency keys that have been recorded, and takes their pending lines of the audit log.
type CallStore interface {
	FindRecorded(ctx context.Context, organizationID string, hashes [][sha256.Size]byte) (map[[sha256.Size]byte]webhook.Recorded, error)
	TakeAudit(ctx context.Context, organizationID string, hash [sha256.Size]byte) (taken bool, err error)
}

// replay answers a repeated call.
type replay func(c echo.Context, recorded webhook.Recorded) error

// keyedCalls are the routes that take the header Idempotency-Key, apart from those that publish. Their writes record webhook.CallOf.
type keyedCalls struct {
	store  CallStore
	routes map[string]keyedRoute // by method and path
}

// keyedRoute is a route that takes the header.
type keyedRoute struct {
	again replay
	// action is the change in the audit log, or "" if the route's calls leave no line.
	action string
}

func newKeyedCalls(d Dependencies, memory budget) keyedCalls {
	current := deliveryHandlers{store: d.Deliveries, memory: memory}.current
	return keyedCalls{store: d.Calls, routes: map[string]keyedRoute{
		"POST " + base: {asRecorded, "endpoint.created"},
		"POST " + base + "/:id/regenerate-secret": {asRecorded, "endpoint.secret_regenerated"},
		"POST " + keys:                         {asRecorded, actionKeyCreated},
		"POST " + consoles:                     {asRecorded, actionSessionCreated},
		"POST " + deliveries + "/:id/retry":    {again: current},
		"POST " + deliveries + "/:id/replay":   {again: current},
		"POST " + base + "/events/:id/deliver": {again: current},
		"POST " + jobs:                         {again: bulkJobHandlers{store: d.BulkJobs}.current},
	}}
}

// asRecorded answers with the recorded data.
func asRecorded(c echo.Context, recorded webhook.Recorded) error {
	return ok(c, json.RawMessage(recorded.Answer))
}

// current answers with the delivery as it is now.
func (h deliveryHandlers) current(c echo.Context, recorded webhook.Recorded) error {
	return h.show(c, recorded.SubjectID)
}

// idempotencyHeader returns the key in the header, or "" if there is none.
func idempotencyHeader(c echo.Context) (string, error) {
	values := c.Request().Header.Values(headerIdempotencyKey)
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], webhook.CheckIdempotencyKey(headerIdempotencyKey, values[0], maxHeaderKey)
	}
	return "", webhook.Invalid("invalid_idempotency_key", headerIdempotencyKey, "send the header "+headerIdempotencyKey+" once")
}

// once calls handle, whose effect happens once for all calls with the same key. A repeated call gets the answer of the first one.
func (k keyedCalls) once(c echo.Context, r route, handle func() error) error {
	keyed, takesKey := k.routes[r.method+" "+r.path]
	if !takesKey {
		return handle()
	}
	header, err := idempotencyHeader(c)
	if err != nil {
		return err
	}
	if header == "" {
		return handle()
	}
	call := &webhook.Call{
		OrganizationID: caller(c).OrganizationID, At: webhook.Now(),
		IdempotencyKey: webhook.NewIdempotencyKey(header, []byte("call"), []byte(r.method), []byte(c.Request().URL.Path), []byte(c.Request().URL.RawQuery), bodyOf(c)),
		Audit:          encodeLine(c, keyed.action),
	}
	attach(c, call)
	return k.repeat(c, call, keyed.again, handle)
}

// repeat answers the call from its record, or makes it. While another request makes it, repeat polls for its record.
func (k keyedCalls) repeat(c echo.Context, call *webhook.Call, again replay, handle func() error) error {
	began := time.Now()
	pauses := lifecycle.Backoff{First: firstCallPause, Longest: lastCallPause}
	for {
		if answered, err := k.answer(c, call, again); answered || err != nil {
			return err
		}
		err := handle()
		k.settleLine(c, call, err)
		if err == nil {
			return nil
		}
		if !errors.Is(err, webhook.ErrIdempotencyKeyTaken) && !errors.Is(err, webhook.ErrIdempotencyInProgress) {
			// A request at the same time may have made the call, so that it was not possible any more.
			if answered, lookup := k.answer(c, call, again); answered || webhook.CodeOf(err) != webhook.CodeUnavailable && lookup != nil {
				return lookup
			}
			return err
		}
		if time.Since(began) >= callWait {
			return webhook.ErrIdempotencyInProgress
		}
		if err := pauses.Sleep(untimed(c)); err != nil {
			return err
		}
	}
}

// answer answers the call if it is recorded.
func (k keyedCalls) answer(c echo.Context, call *webhook.Call, again replay) (answered bool, err error) {
	allow(c, 1)
	found, err := k.store.FindRecorded(c.Request().Context(), call.OrganizationID, [][sha256.Size]byte{call.Hash})
	if err != nil {
		return false, err
	}
	recorded, ok := found[call.Hash]
	allow(c, callStatements)
	if !ok {
		return false, nil
	}
	if recorded.Fingerprint != call.Fingerprint {
		return true, webhook.IdempotencyKeyReused(headerIdempotencyKey)
	}
	if err := k.takeLine(c, call, recorded); err != nil {
		return true, err
	}
	replayed(c)
	return true, again(c, recorded)
}

// replayed marks the answer as one that was given before. handleError removes the mark from an error.
func replayed(c echo.Context) { c.Response().Header().Set(headerReplayed, "true") }

// attach makes the call the one of the request's context, for all statements from now on.
func attach(c echo.Context, call *webhook.Call) {
	t, ok := c.Get(timingInContext).(timing)
	if !ok {
		return
	}
	c.Set(timingInContext, timing{webhook.WithCall(t.untimed, call), t.statement})
	allow(c, callStatements)
}

// recordAs sets how the data of the answer is made of what the write has made. Without a key it does nothing.
func recordAs[T, V any](c echo.Context, view func(T) (V, error)) {
	call := webhook.CallOf(c.Request().Context())
	if call == nil {
		return
	}
	call.Answer = func(made any) ([]byte, error) {
		item, ok := made.(T)
		if !ok {
			return nil, fmt.Errorf("the write has made a %T", made)
		}
		data, err := view(item)
		if err != nil {
			return nil, err
		}
		return encoded(data)
	}
}

package deliveries

import (
	"context"
	"errors"
	"strings"
	"time"

	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/web/body"
	"redrive/pkg/webhook"
)

// exchange is the last request and its answer. Before the first attempt, it is the request that will be sent, without headers.
type exchange struct {
	// Number is that of the attempt, and 0 before the first one.
	Number          int
	StartedAt       time.Time
	DurationMs      int64
	RequestHeaders  map[string]string
	Request         body.Body
	ResponseStatus  int
	ResponseHeaders map[string]string
	Response        body.Body
	Truncated       bool
	ErrorCode       string
	ErrorMessage    string
}

// header returns a header of the request, in whatever case it was recorded.
func (e exchange) header(name string) string {
	for recorded, value := range e.RequestHeaders {
		if strings.EqualFold(recorded, name) {
			return value
		}
	}
	return ""
}

// curl returns a command that sends the same request. The values of the endpoint's own headers are masked.
func (e exchange) curl(url string) string {
	if url == "" || e.Request.Hex != "" || e.Request.Cut() {
		return ""
	}
	command := "curl -X POST " + web.Quote(url)
	for _, name := range web.SortedKeys(e.RequestHeaders) {
		if !strings.EqualFold(name, "content-length") && !strings.EqualFold(name, "host") {
			command += " \\\n  -H " + web.Quote(name+": "+e.RequestHeaders[name])
		}
	}
	return command + " \\\n  --data-raw " + web.Quote(e.Request.Text)
}

// bodyCopies is how many copies of a body exist while a page is made: as it was read, as it was sent, and as the page shows it.
const bodyCopies = 3

// memoryWait is how long a page waits for memory.
const memoryWait = 10 * time.Second

// record reads a delivery with its bodies, within the memory that the process has for them. The caller has to call release.
func (p handlers) record(ctx context.Context, organizationID, id string) (found webhook.Record, release func(), err error) {
	sized, err := p.bodies.Store.SizeDelivery(ctx, organizationID, id)
	if err != nil {
		return found, nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, memoryWait)
	defer cancel()
	reserved, err := p.bodies.Memory.Reserve(waiting, organizationID, bodyCopies*sized.Bytes)
	if errors.Is(err, context.DeadlineExceeded) {
		return found, nil, webhook.Overloaded(memoryWait, err)
	}
	if err != nil {
		return found, nil, err
	}
	found, err = p.bodies.Store.FindDelivery(ctx, organizationID, id)
	if err != nil {
		reserved.Release()
		return found, nil, err
	}
	return found, reserved.Release, nil
}

func (p handlers) readExchange(ctx context.Context, organizationID, id string) (exchange, error) {
	record, release, err := p.record(ctx, organizationID, id)
	if err != nil {
		return exchange{}, err
	}
	defer release()
	sent, err := p.sentBody(ctx, record)
	if err != nil {
		return exchange{}, err
	}
	e := exchange{Request: body.Of(sent), ErrorMessage: record.ErrorMessage()}
	if a := record.LastAttempt; a != nil {
		e.Number, e.StartedAt, e.DurationMs = a.Number, a.StartedAt, a.Duration.Milliseconds()
		e.RequestHeaders, e.ResponseHeaders, e.ResponseStatus = a.RequestHeaders, a.ResponseHeaders, a.ResponseStatus
		e.Response, e.Truncated, e.ErrorCode = body.Of(a.ResponseBody), a.ResponseBodyTruncated, string(a.ErrorCode)
	}
	return e, nil
}

// sentBody returns the body that the endpoint is sent.
func (p handlers) sentBody(ctx context.Context, record webhook.Record) ([]byte, error) {
	endpoint, err := p.endpoint(ctx, record.Delivery.EndpointID)
	if err != nil {
		return nil, err
	}
	if endpoint.Payload == webhook.PayloadData {
		return record.Event.Data, nil
	}
	return record.Event.Body()
}

// endpoint reads an endpoint with its signing secrets. One that an operator has removed is empty.
func (p handlers) endpoint(ctx context.Context, id string) (webhook.Endpoint, error) {
	found, errs := p.bodies.Store.LoadEndpoints(ctx, []string{id})
	if webhook.CodeOf(errs[0]) == webhook.CodeNotFound {
		return webhook.Endpoint{}, nil
	}
	return found[0], errs[0]
}

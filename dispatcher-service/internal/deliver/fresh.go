package deliver

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

const (
	// maxRereads bounds how often the endpoint is read again for one attempt. A database that takes longer than EndpointAge for a small
	// statement would otherwise keep a worker.
	maxRereads = 3
	// staleSnooze is the snooze of a delivery whose endpoint could not be read in time.
	staleSnooze = time.Second
)

// freshen returns the dispatch with an endpoint that was read at most EndpointAge ago. A pause, a deletion or a change of the endpoint
// therefore holds for every attempt that starts later. freshen returns send, or the verdict for a delivery that may not be sent any more.
func (d *Deliverer) freshen(ctx context.Context, dispatch webhook.Dispatch) (current webhook.Dispatch, verdict Verdict, send bool, err error) {
	for reread := 0; time.Since(dispatch.ReadAt) > d.options.EndpointAge; reread++ {
		if reread == maxRereads {
			return dispatch, stay(time.Now().Add(staleSnooze), "no attempt was made: the database takes too long to read the endpoint"), false, nil
		}
		read, err := d.groups.endpoints.Do(context.WithoutCancel(ctx), dispatch.Endpoint.ID)
		d.outage.observe(ctx, err)
		switch {
		case webhook.CodeOf(err) == webhook.CodeNotFound:
			dispatch.Missing = webhook.FailureEndpointMissing
		case err != nil:
			return dispatch, Verdict{}, false, err
		default:
			dispatch.Endpoint, dispatch.ReadAt = read.Endpoint, read.at
		}
		if verdict, send, err = d.admit(ctx, dispatch); !send {
			return dispatch, verdict, false, err
		}
	}
	return dispatch, Verdict{}, true, nil
}

// readEndpoint is an endpoint and a time before it was read.
type readEndpoint struct {
	webhook.Endpoint
	at time.Time
}

// loadEndpoints reads endpoints and notes when.
func loadEndpoints(store Reader) func(ctx context.Context, ids []string) ([]readEndpoint, []error) {
	return func(ctx context.Context, ids []string) ([]readEndpoint, []error) {
		at := time.Now()
		endpoints, failures := store.LoadEndpoints(ctx, ids)
		read := make([]readEndpoint, len(ids))
		for i, endpoint := range endpoints {
			read[i] = readEndpoint{endpoint, at}
		}
		return read, failures
	}
}

// loadDispatches loads deliveries and records the time.
func loadDispatches(store Reader) func(ctx context.Context, ids []string) ([]webhook.Dispatch, []error) {
	return func(ctx context.Context, ids []string) ([]webhook.Dispatch, []error) {
		at := time.Now()
		dispatches, failures := store.LoadDispatches(ctx, ids)
		for i := range dispatches {
			dispatches[i].ReadAt = at
		}
		return dispatches, failures
	}
}

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"redrive/deploy/stack/process"
	"redrive/pkg/webhook"
)

// grown is a filled database with an API.
type grown struct {
	*customer
	database  *database
	api       *process.Service
	rows      int
	endpoints []string
	failures  []int // the numbers of the failed copies, in random order
	body      []byte
}

// growthEndpoints is the number of endpoints among which the deliveries are distributed.
const growthEndpoints = 10

// startGrown starts an API on an empty database.
func startGrown(ctx context.Context, s *session, programs, name string, redisNumber, rows int) (*grown, error) {
	url, err := s.servers.createDatabase(ctx, name)
	if err != nil {
		return nil, err
	}
	d, err := openDatabase(ctx, url)
	if err != nil {
		return nil, err
	}
	s.opened.Push(name, func(context.Context) error { return d.close() })
	redisURL, err := s.servers.redisURL(redisNumber)
	if err != nil {
		return nil, err
	}
	api := newService(&s.opened, apiProgram, programs, settingsOf(d, redisURL))
	if err := api.Start(nil); err != nil {
		return nil, err
	}
	c, err := newCustomer(ctx, api.URL(), d.store, 1)
	if err != nil {
		return nil, err
	}
	s.opened.Push("a client", func(context.Context) error { c.close(); return nil })
	return &grown{customer: c, database: d, api: api, rows: rows, body: eventBody(eventType)}, nil
}

// template makes the endpoints and one failed delivery, and returns its ID.
func (g *grown) template(ctx context.Context) (deliveryID string, err error) {
	for i := range growthEndpoints {
		subscribed := eventType // the events are published to one of them
		if i > 0 {
			subscribed = "bench.nothing"
		}
		id, err := g.createEndpoint(ctx, "http://127.0.0.1:2/", subscribed, 0)
		if err != nil {
			return "", err
		}
		g.endpoints = append(g.endpoints, id)
	}
	if deliveryID, err = g.publish(ctx, g.body); err != nil {
		return "", err
	}
	return deliveryID, failOnce(ctx, g.database, deliveryID)
}

// fill makes one failed delivery and copies it until there are enough rows.
func (g *grown) fill(ctx context.Context) error {
	id, err := g.template(ctx)
	if err != nil {
		return err
	}
	for number := 1; number <= g.rows; number++ {
		if isFailure(number) {
			g.failures = append(g.failures, number)
		}
	}
	rand.Shuffle(len(g.failures), func(i, j int) { g.failures[i], g.failures[j] = g.failures[j], g.failures[i] })
	return filling{database: g.database, deliveryID: id, count: g.rows, endpoints: g.endpoints, anew: true}.run(ctx)
}

// failOnce records an attempt that was answered 500, as the dispatcher does.
func failOnce(ctx context.Context, d *database, deliveryID string) error {
	dispatch, err := d.store.LoadDispatch(ctx, deliveryID)
	if err != nil {
		return err
	}
	now := webhook.Now()
	outcome, err := webhook.Policy{}.Decide(dispatch.Delivery, webhook.Result{
		StartedAt: now, Duration: time.Millisecond, ResponseStatus: http.StatusInternalServerError,
		RequestHeaders:  map[string]string{"Content-Type": "application/json"},
		ResponseHeaders: map[string]string{"Content-Length": "0"},
	}, now)
	if err != nil {
		return fmt.Errorf("fail a delivery: %w", err)
	}
	_, err = d.store.RecordOutcome(ctx, outcome)
	return err
}

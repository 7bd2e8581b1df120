package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type explanation struct {
	DeliveryID, Status, Code, Summary, EventID, ReplayOf string
	NextAttempt                                          *struct{ Number, MaxAttempts int }
	LastAttempt                                          *attempt
	Endpoint                                             struct {
		ID, Status, Circuit     string
		InFlight, InFlightLimit *int
	}
	Queue  struct{ State string }
	Causes []struct{ Code, Message string }
}

func (e explanation) codes() (codes []string) {
	for _, cause := range e.Causes {
		codes = append(codes, cause.Code)
	}
	return codes
}

func (c *client) explain(t *testing.T, id string) explanation {
	t.Helper()
	e := data[explanation](t, c.get(t, deliveries+"/"+id+"/explain"))
	assert.Equal(t, e.Code, e.Causes[0].Code)
	assert.Contains(t, e.Summary, e.Endpoint.ID)
	return e
}

// awaitCode waits until the delivery's explanation has the code, because reports of dispatchers are up to a second old.
func (c *client) awaitCode(t *testing.T, id, code string) explanation {
	t.Helper()
	var e explanation
	var seen []string
	eventually(t, "delivery "+id+" is explained by "+code, func() bool {
		e = c.explain(t, id)
		if !slices.Contains(seen, e.Code) {
			seen = append(seen, e.Code)
			t.Log(e.Code, e.codes(), e.Summary)
		}
		return e.Code == code
	})
	return e
}

// of publishes an event of a type that one endpoint subscribes to.
func (c *client) of(t *testing.T, eventType string) string {
	t.Helper()
	made := c.publishEvent(t, fmt.Sprintf(`{"eventType":%q,"data":{}}`, eventType))
	require.Len(t, made.Deliveries, 1)
	return made.Deliveries[0].ID
}

func TestExplainEndedAndWaiting(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, hold := newReceiver(t), newGate()
		c.endpoint(t, hook.on("/good", status(200)), 0, "good")
		c.endpoint(t, hook.on("/bad", status(500)), 0, "bad")
		c.endpoint(t, hook.on("/gone", status(410)), 0, "gone")
		c.endpoint(t, hook.on("/later", status(503).with("Retry-After", "3600")), 2, "later")
		slow := c.endpoint(t, hook.on("/slow", status(200).behind(hold)), 0, "slow")
		paused := c.endpoint(t, hook.on("/paused", status(200)), 0, "paused")
		c.pause(t, paused.ID)

		good := c.of(t, "good")
		done := c.awaitCode(t, good, "delivered")
		assert.Equal(t, success, done.Status)
		assert.Equal(t, 200, done.LastAttempt.ResponseStatus)
		assert.Nil(t, done.NextAttempt)
		replayed := data[delivery](t, c.replay(t, good))
		assert.Equal(t, good, c.awaitCode(t, replayed.ID, "delivered").ReplayOf)

		bad := c.of(t, "bad")
		assert.Equal(t, "archived", c.awaitQueue(t, bad, "archived").Queue.State)
		assert.Contains(t, c.awaitCode(t, bad, "exhausted").Summary, "the receiver answered 500 Internal Server Error. No further attempt follows by itself: correct the receiver, then retry the delivery.")

		gone := c.awaitCode(t, c.of(t, "gone"), "gone")
		assert.Equal(t, "disabled", gone.Endpoint.Status)
		assert.Contains(t, gone.Summary, "enable the endpoint and retry the delivery")

		later := c.of(t, "later")
		scheduled := c.awaitCode(t, later, "scheduled")
		assert.Contains(t, scheduled.Summary, "Retry 1 of 2 follows by itself")
		assert.Equal(t, []int{2, 3}, []int{scheduled.NextAttempt.Number, scheduled.NextAttempt.MaxAttempts})
		c.disable(t, data[delivery](t, c.get(t, deliveries+"/"+later)).EndpointID)
		assert.Equal(t, []string{"endpoint_disabled"}, c.explain(t, later).codes())

		sent := c.of(t, "slow")
		hook.await(t, sent, 1)
		sending := c.awaitCode(t, sent, "sending")
		assert.Equal(t, "active", sending.Queue.State)
		assert.Equal(t, 1, *sending.Endpoint.InFlight)
		data[delivery](t, c.post(t, deliveries+"/"+sent+"/cancel", ""))
		assert.Equal(t, []string{"cancelled", "sending"}, c.explain(t, sent).codes())
		hold.open()
		eventually(t, "the attempt is on record", func() bool {
			return slices.Equal(c.explain(t, sent).codes(), []string{"cancelled", "cancelled"})
		})
		assert.Contains(t, c.explain(t, sent).Causes[1].Message, "the receiver answered 200 OK")
		assert.Equal(t, slow.ID, c.explain(t, sent).Endpoint.ID)

		held := c.of(t, "paused")
		waits := c.awaitCode(t, held, "endpoint_paused")
		assert.Contains(t, waits.Summary, "resume the endpoint")
		assert.Equal(t, "absent", c.awaitQueue(t, held, "absent").Queue.State)
		c.deleteEndpoint(t, paused.ID)
		deleted := c.explain(t, held)
		assert.Equal(t, "endpoint_deleted", deleted.Code)
		assert.Contains(t, deleted.Summary, "deliver event "+deleted.EventID+" to another endpoint")
		c.awaitStatus(t, held, failure)
		assert.Equal(t, "endpoint_deleted", c.explain(t, held).Code)
	})
}

// awaitQueue waits until the task of the delivery has the state.
func (c *client) awaitQueue(t *testing.T, id, state string) (e explanation) {
	t.Helper()
	eventually(t, "the task of delivery "+id+" is "+state, func() bool {
		e = c.explain(t, id)
		return e.Queue.State == state
	})
	return e
}

// Three endpoints hold deliveries: one hangs, one has a rate limit, one times out.
func TestExplainHeldByEndpoint(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, hold, never := newReceiver(t), newGate(), newGate()
		c.endpoint(t, hook.on("/hangs", status(200).behind(hold)), 0, "hangs")
		c.create(t, hook.on("/paced", status(200)), `"rateLimit":1,"subscribedEventTypes":["paced"]`)
		c.create(t, hook.on("/timeout", status(200).behind(never)), `"timeoutSeconds":1,"subscribedEventTypes":["timeout"]`)

		last := ""
		for range 120 {
			last = c.of(t, "hangs")
		}
		full := c.awaitCode(t, last, "held_concurrency")
		assert.Contains(t, full.Summary, "attempts in flight")
		assert.Positive(t, *full.Endpoint.InFlight)
		assert.Contains(t, full.codes(), "held_share", "its organization has more than 50 deliveries in the queue")
		hold.open()
		c.awaitCode(t, last, "delivered")

		for range 30 {
			last = c.of(t, "paced")
		}
		assert.Contains(t, c.awaitCode(t, last, "held_rate").Summary, "rate limit of 1 request a second")

		for range 10 {
			last = c.of(t, "timeout")
		}
		open := c.awaitCode(t, last, "held_circuit")
		assert.Contains(t, open.Summary, "correct the receiver")
		assert.Contains(t, []string{"open", "half_open"}, open.Endpoint.Circuit)
	})
}

// The services of a fleet are stopped, killed and started again, and Redis is stopped and emptied.
func TestExplainFaults(t *testing.T) {
	onFragileStack(t, func(t *testing.T, s *suite) {
		dispatcher, redis, queues := fleet(t, s).Dispatchers()[0], redisOf(t, s).Redis(), inspectable(t, s).Queues()
		c := s.organization(t)
		hook, hold := newReceiver(t), newGate()
		c.endpoint(t, hook.on("/good", status(200)), 0, "good")
		c.create(t, hook.on("/timeout", status(200).behind(hold)), `"timeoutSeconds":1,"subscribedEventTypes":["timeout"]`)
		c.awaitCode(t, c.of(t, "good"), "delivered")

		require.NoError(t, queues.PauseQueue(queueName))
		paused := c.of(t, "good")
		assert.Equal(t, []string{"queue_paused"}, c.awaitCode(t, paused, "queue_paused").codes())
		require.NoError(t, queues.UnpauseQueue(queueName))
		c.awaitCode(t, paused, "delivered")

		// Redis is emptied while a circuit is open.
		last := ""
		for range 10 {
			last = c.of(t, "timeout")
		}
		c.awaitCode(t, last, "held_circuit")
		require.NoError(t, redis.Kill())
		down := c.awaitCode(t, last, "queue_unavailable")
		assert.Equal(t, "unknown", down.Queue.State)
		assert.Equal(t, "unknown", down.Endpoint.Circuit)
		require.NoError(t, redis.Restart(context.Background()))
		c.awaitCode(t, last, "held_circuit")

		// The dispatcher is killed: its summary expires.
		require.NoError(t, dispatcher.Kill())
		killed := time.Now()
		orphan := c.of(t, "good")
		left := c.awaitCode(t, orphan, "no_dispatcher")
		assert.Equal(t, "unknown", left.Endpoint.Circuit)
		assert.Nil(t, left.Endpoint.InFlight)
		t.Logf("no_dispatcher after %s", time.Since(killed))
		assert.Equal(t, "no_dispatcher", c.explain(t, last).Code, "its circuit is not known any more")

		require.NoError(t, dispatcher.Start(nil))
		c.awaitCode(t, orphan, "delivered")
		hold.open()
		c.awaitCode(t, last, "delivered")

		require.NoError(t, dispatcher.Stop())
		stopped := c.of(t, "good")
		assert.Equal(t, "no_dispatcher", c.explain(t, stopped).Code, "a dispatcher that has stopped removes its summary")
		require.NoError(t, dispatcher.Start(nil))
		c.awaitCode(t, stopped, "delivered")
	})
}

// Deliveries with large bodies are released at once. Their receivers hang, and their endpoints have the longest timeout. An organization has
// 32 MiB of the dispatcher's memory, which is not enough for all. An attempt that times out makes room for another delivery.
func TestExplainHeldForMemory(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, hold := newReceiver(t), newGate()
		types := []string{"one", "two", "three"} // one endpoint may have fewer attempts in flight
		endpoints := make([]string, len(types))
		for i, name := range types {
			url := hook.on("/"+name, status(200).behind(hold))
			endpoints[i] = c.create(t, url, `"paused":true,"timeoutSeconds":30,"subscribedEventTypes":["`+name+`"]`).Endpoint.ID
		}
		padded := `"data":{"x":"` + strings.Repeat("x", 950_000) + `"}}`
		var ids []string
		for i := range 42 {
			body := fmt.Sprintf(`{"eventType":%q,`, types[i%len(types)]) + padded
			answer := c.call(t, request{method: http.MethodPost, path: base + "/events", body: body, unchecked: true})
			ids = append(ids, data[published](t, answer).Deliveries[0].ID)
		}
		for _, id := range endpoints {
			c.resume(t, id)
		}
		var held explanation
		eventually(t, "a delivery waits for memory", func() bool {
			return slices.ContainsFunc(ids, func(id string) bool {
				held = c.explain(t, id)
				return held.Code == "held_memory"
			})
		})
		assert.Contains(t, held.Summary, "DISPATCHER_MEMORY")
		hold.open()
		for _, id := range ids {
			c.awaitStatus(t, id, success)
		}
	})
}

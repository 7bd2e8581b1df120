package explain

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

const noAnswer = "no answer within 15s"

// situations are the facts, the codes of the causes and a part of the summary that answers the question of the customer.
var situations = map[string]struct {
	facts   []func(*Facts)
	codes   []Code
	summary string
}{
	"delivered": {
		[]func(*Facts){endedAs(webhook.StatusSuccess, ""), attempted(200, "", 2, time.Minute)},
		[]Code{Delivered},
		`The receiver of endpoint "Billing" (ep_1) accepted the delivery at 2026-11-20 16:29:00 UTC with 200 OK, at attempt 2. It is complete: the customer does not have to do anything.`,
	},
	"delivered, attempts removed": {[]func(*Facts){endedAs(webhook.StatusSuccess, "")}, []Code{Delivered}, "succeeded at 2026-11-20 16:29:00 UTC"},
	"delivered while Redis is unavailable": {
		[]func(*Facts){endedAs(webhook.StatusSuccess, ""), attempted(200, "", 1, time.Minute), withoutRedis}, []Code{Delivered}, "200 OK",
	},
	"exhausted": {
		[]func(*Facts){endedAs(webhook.StatusFailure, ""), attempted(500, "the receiver answered 500 Internal Server Error", 6, time.Minute)},
		[]Code{Exhausted},
		"after 6 attempts; the last error: the receiver answered 500 Internal Server Error. No further attempt follows by itself: correct the receiver, then retry the delivery.",
	},
	"exhausted, endpoint disabled since": {
		[]func(*Facts){endedAs(webhook.StatusFailure, ""), attempted(500, noAnswer, 1, time.Minute), endpointIs(disable)},
		[]Code{Exhausted},
		"after 1 attempt; the last error: no answer within 15s. No further attempt follows by itself: correct the receiver, then enable the endpoint and retry the delivery.",
	},
	"exhausted, endpoint deleted since": {
		[]func(*Facts){endedAs(webhook.StatusFailure, ""), attempted(500, noAnswer, 1, time.Minute), endpointIs(remove)},
		[]Code{Exhausted},
		"It cannot be retried: to send the event after all, deliver event evt_1 to another endpoint.",
	},
	"exhausted, attempts removed": {[]func(*Facts){endedAs(webhook.StatusFailure, "")}, []Code{Exhausted}, "failed at 2026-11-20 16:29:00 UTC. No further"},
	"gone": {
		[]func(*Facts){endedAs(webhook.StatusFailure, ""), attempted(410, "the receiver answered 410 Gone", 1, time.Minute), endpointIs(disable)},
		[]Code{Gone},
		"answered 410 Gone at 2026-11-20 16:29:00 UTC, which ended the delivery. No further attempt follows by itself: if the receiver is to get this delivery, make it answer again, then enable the endpoint and retry the delivery.",
	},
	"ended disabled": {
		[]func(*Facts){endedAs(webhook.StatusFailure, webhook.FailureEndpointDisabled), endpointIs(disable)},
		[]Code{EndpointDisabled},
		"because the endpoint was disabled when the delivery was due. No further attempt follows by itself: to send it, enable the endpoint and retry the delivery.",
	},
	"ended disabled, enabled since": {
		[]func(*Facts){endedAs(webhook.StatusFailure, webhook.FailureEndpointDisabled)}, []Code{EndpointDisabled}, "to send it, retry the delivery.",
	},
	"ended deleted": {
		[]func(*Facts){endedAs(webhook.StatusFailure, webhook.FailureEndpointDeleted), endpointIs(remove)},
		[]Code{EndpointDeleted},
		"because the endpoint was deleted while the delivery waited. It cannot be retried: to send the event after all, deliver event evt_1 to another endpoint.",
	},
	"endpoint removed from the database": {
		[]func(*Facts){endedAs(webhook.StatusFailure, webhook.FailureEndpointMissing), func(f *Facts) { f.Endpoint = nil }},
		[]Code{EndpointDeleted},
		"The delivery to endpoint ep_1 ended",
	},
	"event removed from the database": {
		[]func(*Facts){endedAs(webhook.StatusFailure, webhook.FailureEventMissing)}, []Code{Unknown}, "publish the event again",
	},
	"cancelled": {
		[]func(*Facts){endedAs(webhook.StatusFailure, webhook.FailureCancelled)},
		[]Code{Cancelled},
		"was cancelled at 2026-11-20 16:29:00 UTC. No further attempt follows, and the customer does not have to do anything; to send it after all, retry the delivery.",
	},
	"cancelled during an attempt": {
		[]func(*Facts){endedAs(webhook.StatusFailure, webhook.FailureCancelled), dispatchers(dispatcher(attemptingSince(ago(2 * time.Minute))))},
		[]Code{Cancelled, Sending},
		"was cancelled",
	},
	"cancelled, attempt superseded": {
		[]func(*Facts){endedAs(webhook.StatusFailure, webhook.FailureCancelled), func(f *Facts) {
			f.Superseded = &webhook.Attempt{Number: 1, StartedAt: ago(2 * time.Minute), Duration: 90 * time.Second, ResponseStatus: 200, Outcome: webhook.AttemptSuperseded}
		}, dispatchers(dispatcher(attemptingSince(ago(2*time.Minute + time.Millisecond))))},
		[]Code{Cancelled, Cancelled},
		"was cancelled at 2026-11-20 16:29:00 UTC, during attempt 1. The receiver got it and answered 200 OK: the customer does not have to do anything, and another delivery of the event would reach the receiver a second time.",
	},
	"attempts orphaned": {
		[]func(*Facts){endedAs(webhook.StatusFailure, webhook.FailureOrphaned)},
		[]Code{Orphaned},
		"the receiver may have got it. No further attempt follows by itself: the operator has to find out why dispatchers stop; after that, retry the delivery.",
	},
	"disabled, due later": {
		[]func(*Facts){retryingIn(time.Hour), attempted(500, noAnswer, 1, time.Minute), endpointIs(disable), task(queue.PresenceRetry)},
		[]Code{EndpointDisabled},
		"has been disabled since 2026-11-20 16:25:00 UTC, by hand: it ends in failure when it is due, at 2026-11-20 17:30:00 UTC. To send it, enable the endpoint and, if the delivery has ended by then, retry it.",
	},
	"disabled, due now":                  {[]func(*Facts){endpointIs(disable)}, []Code{EndpointDisabled}, "it ends in failure within a minute"},
	"disabled and paused":                {[]func(*Facts){endpointIs(disable), endpointIs(pause)}, []Code{EndpointDisabled}, "enable the endpoint"},
	"disabled while it is being sent":    {[]func(*Facts){endpointIs(disable), dispatchers(dispatcher(attemptingSince(ago(time.Second))))}, []Code{EndpointDisabled, Sending}, "enable the endpoint"},
	"disabled, a test":                   {[]func(*Facts){endpointIs(disable), delivery(func(d *webhook.Delivery) { d.Test = true })}, []Code{Queued}, "within seconds"},
	"deleted, waits":                     {[]func(*Facts){endpointIs(remove)}, []Code{EndpointDeleted}, "was deleted at 2026-11-20 16:29:30 UTC: it ends in failure within a minute. It cannot be retried"},
	"endpoint gone from database, waits": {[]func(*Facts){func(f *Facts) { f.Endpoint = nil }}, []Code{EndpointDeleted}, "does not exist any more"},
	"sending": {
		[]func(*Facts){task(queue.PresenceActive), dispatchers(dispatcher(), dispatcher(attemptingSince(ago(3*time.Second))))},
		[]Code{Sending},
		`An attempt to endpoint "Billing" (ep_1) has been in progress since 2026-11-20 16:29:57 UTC. Its result is on record once the receiver has answered or the timeout of the attempt has passed: the customer does not have to do anything.`,
	},
	"sending by a dispatcher that stops": {
		[]func(*Facts){task(queue.PresenceActive), dispatchers(dispatcher(stopping, attemptingSince(ago(time.Second))))}, []Code{Sending, NoDispatcher}, "in progress",
	},
	"attempt on record, summary older": {
		[]func(*Facts){retryingIn(time.Minute), attempted(500, noAnswer, 1, 0), task(queue.PresenceRetry), dispatchers(dispatcher(attemptingSince(ago(time.Second))))},
		[]Code{Scheduled},
		"Attempt 1",
	},
	"paused": {
		[]func(*Facts){endpointIs(pause), task(queue.PresenceAbsent)},
		[]Code{EndpointPaused},
		`The delivery waits, because endpoint "Billing" (ep_1) has been paused since 2026-11-20 16:20:00 UTC; no retry is used up meanwhile. It is sent once the endpoint is resumed: the customer has to resume the endpoint.`,
	},
	"paused, due later": {
		[]func(*Facts){endpointIs(pause), retryingIn(time.Hour), task(queue.PresenceAbsent)}, []Code{EndpointPaused, Scheduled}, "resumed, but not before 2026-11-20 17:30:00 UTC",
	},
	"paused, a test":                      {[]func(*Facts){endpointIs(pause), delivery(func(d *webhook.Delivery) { d.Test = true })}, []Code{Queued}, "within seconds"},
	"paused, no dispatcher, queue paused": {[]func(*Facts){endpointIs(pause), dispatchers(), queueIs(pauseQueue)}, []Code{EndpointPaused, NoDispatcher, QueuePaused}, "resume the endpoint"},
	"scheduled after a failure": {
		[]func(*Facts){retryingIn(time.Hour), attempted(503, "the receiver answered 503 Service Unavailable", 2, time.Minute), task(queue.PresenceRetry)},
		[]Code{Scheduled},
		`Attempt 2 to endpoint "Billing" (ep_1) failed at 2026-11-20 16:29:00 UTC: the receiver answered 503 Service Unavailable. Retry 2 of 5 follows by itself at 2026-11-20 17:30:00 UTC: correct the receiver before that time if it still fails; nothing else has to be done.`,
	},
	"scheduled, circuit open": {
		[]func(*Facts){retryingIn(time.Hour), attempted(0, noAnswer, 2, time.Minute), dispatchers(dispatcher(openCircuit()))}, []Code{Scheduled}, "Retry 2 of 5",
	},
	"scheduled without attempt":          {[]func(*Facts){retryingIn(time.Hour)}, []Code{Scheduled}, "is scheduled for 2026-11-20 17:30:00 UTC"},
	"scheduled while Redis unavailable":  {[]func(*Facts){retryingIn(time.Hour), attempted(0, noAnswer, 1, time.Minute), withoutRedis}, []Code{Scheduled, QueueUnavailable}, "Retry 2 of 5"},
	"pending, clock of the writer ahead": {[]func(*Facts){delivery(func(d *webhook.Delivery) { d.NextRetryAt = now.Add(time.Minute) })}, []Code{Queued}, "due since 2026-11-20 16:30:00 UTC"},
	"Redis unavailable": {
		[]func(*Facts){withoutRedis},
		[]Code{QueueUnavailable},
		`The delivery to endpoint "Billing" (ep_1) has been due since 2026-11-20 16:29:50 UTC, and Redis, which holds the queue, cannot be read at 2026-11-20 16:30:00 UTC. It is stored and is sent by itself when Redis is available again: the operator has to restore Redis, and the customer does not have to do anything.`,
	},
	"no dispatcher": {
		[]func(*Facts){dispatchers()},
		[]Code{NoDispatcher},
		"but at 2026-11-20 16:30:00 UTC no dispatcher has reported to Redis for some seconds. It is stored and is sent by itself once a dispatcher runs: the operator has to start a dispatcher, or to make Redis available and writable for it, and the customer does not have to do anything.",
	},
	"no dispatcher, worker died with the task": {[]func(*Facts){dispatchers(), task(queue.PresenceActive)}, []Code{NoDispatcher}, "once a dispatcher runs"},
	"all dispatchers stop":                     {[]func(*Facts){dispatchers(dispatcher(stopping), dispatcher(stopping))}, []Code{NoDispatcher}, "every dispatcher is stopping"},
	"no dispatcher, in backlog":                {[]func(*Facts){dispatchers(), task(queue.PresenceAbsent), queueIs(inBacklog)}, []Code{NoDispatcher}, "once a dispatcher runs"},
	"queue paused": {
		[]func(*Facts){queueIs(pauseQueue)},
		[]Code{QueuePaused},
		"but an operator has paused the queue of all deliveries. It is sent by itself once the queue is resumed: the operator has to resume the queue, and the customer does not have to do anything.",
	},
	"queue paused, no dispatcher": {[]func(*Facts){queueIs(pauseQueue), dispatchers()}, []Code{NoDispatcher, QueuePaused}, "once a dispatcher runs"},
	"queue paused, circuit open":  {[]func(*Facts){queueIs(pauseQueue), dispatchers(dispatcher(openCircuit()))}, []Code{QueuePaused, HeldCircuit}, "resume the queue"},
	"circuit open": {
		[]func(*Facts){putOff, dispatchers(dispatcher(openCircuit()))},
		[]Code{HeldCircuit},
		"is held, because the endpoint does not answer: its circuit opened at 2026-11-20 16:29:40 UTC (it did not answer in time 5 times in a row); no retry is used up while it is held. Redrive probes the receiver, next at 2026-11-20 16:30:40 UTC, and sends the delivery by itself once the receiver answers, or makes an attempt of it 10m0s after it was due: correct the receiver; nothing else has to be done.",
	},
	"circuit open, no slot, in backlog": {
		[]func(*Facts){task(queue.PresenceAbsent), queueIs(inBacklog), dispatchers(dispatcher(endpointState(queue.EndpointState{Circuit: queue.CircuitOpen, Full: true})))},
		[]Code{HeldCircuit, HeldConcurrency, HeldShare},
		"does not answer",
	},
	"circuit open in one of two dispatchers":  {[]func(*Facts){dispatchers(dispatcher(openCircuit()), dispatcher())}, []Code{Queued}, "within seconds"},
	"put off by one of two dispatchers":       {[]func(*Facts){putOff, dispatchers(dispatcher(openCircuit()), dispatcher())}, []Code{HeldCircuit}, "does not answer"},
	"circuit open in one, no slot in another": {[]func(*Facts){dispatchers(dispatcher(fullEndpoint()), dispatcher(openCircuit()))}, []Code{HeldCircuit, HeldConcurrency}, "does not answer"},
	"circuit open, but due for long":          {[]func(*Facts){dispatchers(dispatcher(openCircuit())), delivery(func(d *webhook.Delivery) { d.NextRetryAt = ago(11 * time.Minute) })}, []Code{Queued}, "within seconds"},
	"circuit open, a test":                    {[]func(*Facts){dispatchers(dispatcher(openCircuit())), delivery(func(d *webhook.Delivery) { d.Test = true })}, []Code{Queued}, "within seconds"},
	"circuit half open, a probe in flight": {
		[]func(*Facts){dispatchers(dispatcher(endpointState(queue.EndpointState{Circuit: queue.CircuitHalfOpen, Since: ago(time.Second), Probing: true, InFlight: 1, Limit: 12})))},
		[]Code{HeldCircuit},
		"its circuit opened at 2026-11-20 16:29:59 UTC, and one attempt at a time is made as a probe",
	},
	"circuit half open, no probe": {
		[]func(*Facts){dispatchers(dispatcher(endpointState(queue.EndpointState{Circuit: queue.CircuitHalfOpen, Since: ago(time.Second), Limit: 12})))}, []Code{Queued}, "within seconds",
	},
	"circuit closing": {
		[]func(*Facts){dispatchers(dispatcher(endpointState(queue.EndpointState{Circuit: queue.CircuitClosed, Probing: true, InFlight: 2, Limit: 12})))},
		[]Code{HeldCircuit},
		"its circuit is closing again",
	},
	"rate limit": {
		[]func(*Facts){putOff, dispatchers(dispatcher(rateLimited()))},
		[]Code{HeldRate},
		"because the endpoint's rate limit of 5 requests a second is used up by other deliveries. It is sent by itself in turn: the customer does not have to do anything, unless the limit is too low; then raise the endpoint's rateLimit.",
	},
	"no slot": {
		[]func(*Facts){putOff, dispatchers(dispatcher(fullEndpoint()))},
		[]Code{HeldConcurrency},
		"waits for a free slot: the endpoint has 50 attempts in flight, and may not have more at the moment (limit 50). It is sent by itself when an attempt in flight has ended: the customer does not have to do anything, but a receiver that answers faster shortens the wait.",
	},
	"all workers in use": {
		[]func(*Facts){dispatchers(dispatcher(func(d *queue.DispatcherView) { d.Dispatcher.Limit = 0 }))}, []Code{HeldConcurrency}, "waits for a free slot",
	},
	"disabled during an attempt": {
		[]func(*Facts){endpointIs(disable), task(queue.PresenceActive), dispatchers(dispatcher(attemptingSince(ago(3 * time.Second))))},
		[]Code{EndpointDisabled, Sending},
		"An attempt to endpoint \"Billing\" (ep_1) has been in progress since 2026-11-20 16:29:57 UTC; the endpoint has been disabled since 2026-11-20 16:25:00 UTC, by hand, and no further attempt begins. The receiver's answer decides",
	},
	"deleted during an attempt": {
		[]func(*Facts){endpointIs(remove), task(queue.PresenceActive), dispatchers(dispatcher(attemptingSince(ago(40 * time.Second))))},
		[]Code{EndpointDeleted, Sending},
		"the endpoint was deleted at 2026-11-20 16:29:30 UTC. No further attempt begins, and the delivery ends in failure, unless the receiver accepts it before",
	},
	"exhausted, endpoint paused": {
		[]func(*Facts){endedAs(webhook.StatusFailure, ""), attempted(500, "the receiver answered 500 Internal Server Error", 1, time.Minute), endpointIs(pause)},
		[]Code{Exhausted},
		"correct the receiver, then retry the delivery and resume the endpoint, which is paused.",
	},
	"memory": {
		[]func(*Facts){large, putOff, dispatchers(dispatcher(withoutMemory))},
		[]Code{HeldMemory},
		"because the memory of the dispatcher for large bodies is in use; its event has 1000000 bytes of data. It is sent by itself when memory is free: the customer does not have to do anything; if this lasts, the operator has to raise DISPATCHER_MEMORY.",
	},
	"no memory for others, small body": {[]func(*Facts){dispatchers(dispatcher(withoutMemory))}, []Code{Queued}, "within seconds"},
	"share": {
		[]func(*Facts){task(queue.PresenceAbsent), queueIs(inBacklog)},
		[]Code{HeldShare},
		"waits behind earlier deliveries of the organization, because the organization's share of the queue is full. It is sent by itself in turn, the oldest first: the customer does not have to do anything.",
	},
	"share, of a bulk job": {
		[]func(*Facts){task(queue.PresenceAbsent), queueIs(inBacklog), delivery(func(d *webhook.Delivery) { d.BulkJobID, d.Priority = "job_1", webhook.PriorityBulk })},
		[]Code{HeldShare},
		"because it belongs to bulk job job_1: live deliveries of the organization go first",
	},
	"queued": {
		nil, []Code{Queued}, `The delivery to endpoint "Billing" (ep_1) has been due since 2026-11-20 16:29:50 UTC, is in the queue, and nothing holds it at 2026-11-20 16:30:00 UTC. It is sent by itself within seconds: the customer does not have to do anything.`,
	},
	"task lost":                    {[]func(*Facts){task(queue.PresenceAbsent)}, []Code{Queued}, "A dispatcher enqueues it by itself within a minute: the customer does not have to do anything."},
	"retried, task still archived": {[]func(*Facts){task(queue.PresenceArchived)}, []Code{Queued}, "enqueues it by itself"},
	"replayed":                     {[]func(*Facts){delivery(func(d *webhook.Delivery) { d.ReplayOf, d.Priority = "dlv_0", webhook.PriorityHead })}, []Code{Queued}, "within seconds"},
	"put off, reason lost": {
		[]func(*Facts){putOff}, []Code{Unknown}, "a dispatcher has put it off until 2026-11-20 16:31:00 UTC, for a reason that no dispatcher reports any more. It is sent by itself: the customer does not have to do anything; if this answer is the same after two minutes, the operator has to look at the dispatchers.",
	},
	"taken by a dispatcher that died": {[]func(*Facts){task(queue.PresenceActive)}, []Code{Unknown}, "a dispatcher has taken it, and has not reported an attempt within a second, or has stopped"},
	"taken, waits for memory":         {[]func(*Facts){large, task(queue.PresenceActive), dispatchers(dispatcher(withoutMemory))}, []Code{HeldMemory}, "memory"},
	"endpoint left out of a summary":  {[]func(*Facts){dispatchers(dispatcher(omitting))}, []Code{Unknown}, "has left this one out"},
	"dispatchers without database":    {[]func(*Facts){dispatchers(dispatcher(stalled))}, []Code{Unknown}, "no dispatcher starts attempts at the moment, because it cannot reach the database"},
	"one dispatcher without database": {[]func(*Facts){dispatchers(dispatcher(stalled), dispatcher())}, []Code{Queued}, "within seconds"},
}

func disable(e *webhook.Endpoint) {
	e.Status, e.DisabledAt, e.DisabledReason = webhook.EndpointDisabled, ago(5*time.Minute), webhook.DisabledManually
}

func remove(e *webhook.Endpoint)    { e.DeletedAt = ago(30 * time.Second) }
func pause(e *webhook.Endpoint)     { e.PausedAt = ago(10 * time.Minute) }
func pauseQueue(s *queue.Situation) { s.Paused = true }
func inBacklog(s *queue.Situation)  { s.InBacklog = true }
func codesOf(e Explanation) (c []Code) {
	for _, cause := range e.Causes {
		c = append(c, cause.Code)
	}
	return c
}

func TestDecideSituations(t *testing.T) {
	require.GreaterOrEqual(t, len(situations), 25)
	named := map[Code]bool{}
	for name, s := range situations {
		e := Decide(waitingFacts(s.facts...))
		assert.Equal(t, s.codes, codesOf(e), "%s: %s", name, e.Summary)
		assert.Equal(t, s.codes[0], e.Code, name)
		assert.Contains(t, e.Summary, s.summary, name)
		assert.Contains(t, e.Summary, "ep_1", name)
		assert.Contains(t, e.Summary, "2026-11-20 ", name)
		named[e.Code] = true
	}
	for _, code := range Codes {
		assert.True(t, named[code], "no situation has the code %s", code)
	}
}

func TestDecideNextAttempt(t *testing.T) {
	due := ago(10 * time.Second)
	for name, c := range map[string]struct {
		facts []func(*Facts)
		next  *NextAttempt
	}{
		"first":             {nil, &NextAttempt{due, 1, 6}},
		"after a failure":   {[]func(*Facts){retryingIn(time.Hour)}, &NextAttempt{now.Add(time.Hour), 3, 6}},
		"paused":            {[]func(*Facts){endpointIs(pause)}, &NextAttempt{due, 1, 6}},
		"ends when due":     {[]func(*Facts){endpointIs(disable)}, nil},
		"ended":             {[]func(*Facts){endedAs(webhook.StatusFailure, "")}, nil},
		"Redis unavailable": {[]func(*Facts){withoutRedis}, &NextAttempt{due, 1, 6}},
	} {
		assert.Equal(t, c.next, Decide(waitingFacts(c.facts...)).Next, name)
	}
}

func TestDecideEndpointOfAllDispatchers(t *testing.T) {
	half := endpointState(queue.EndpointState{Circuit: queue.CircuitHalfOpen, InFlight: 1, Limit: 12})
	for name, c := range map[string]struct {
		facts []func(*Facts)
		want  EndpointView
	}{
		"idle":                {nil, EndpointView{Circuit: queue.CircuitClosed, Known: true, Limit: 50}},
		"two":                 {[]func(*Facts){dispatchers(dispatcher(fullEndpoint()), dispatcher(half))}, EndpointView{Circuit: queue.CircuitHalfOpen, Known: true, InFlight: 51, Limit: 62}},
		"worst":               {[]func(*Facts){dispatchers(dispatcher(half), dispatcher(openCircuit()))}, EndpointView{Circuit: queue.CircuitOpen, Known: true, InFlight: 1, Limit: 24}},
		"left out":            {[]func(*Facts){dispatchers(dispatcher(omitting), dispatcher())}, EndpointView{Circuit: queue.CircuitUnknown, Limit: 50}},
		"no dispatcher":       {[]func(*Facts){dispatchers()}, EndpointView{Circuit: queue.CircuitUnknown}},
		"Redis unavailable":   {[]func(*Facts){withoutRedis}, EndpointView{Circuit: queue.CircuitUnknown}},
		"dispatcher stopping": {[]func(*Facts){dispatchers(dispatcher(stopping, fullEndpoint()))}, EndpointView{Circuit: queue.CircuitClosed, Known: true, InFlight: 50, Limit: 50}},
	} {
		c.want.ID, c.want.Status, c.want.RateLimit = "ep_1", webhook.EndpointActive, 5
		assert.Equal(t, c.want, Decide(waitingFacts(c.facts...)).Endpoint, name)
	}
	removed := Decide(waitingFacts(func(f *Facts) { f.Endpoint = nil })).Endpoint
	assert.Equal(t, EndpointView{ID: "ep_1", Circuit: queue.CircuitClosed, Known: true, Limit: 50}, removed)
}

// The times of a cause are those of what it is about.
func TestDecideTimesOfCauses(t *testing.T) {
	held := Decide(waitingFacts(putOff, dispatchers(dispatcher(openCircuit())))).Causes[0]
	assert.Equal(t, [2]time.Time{ago(20 * time.Second), now.Add(40 * time.Second)}, [2]time.Time{held.Since, held.Until})
	rate := Decide(waitingFacts(putOff, dispatchers(dispatcher(rateLimited())))).Causes[0]
	assert.Equal(t, [2]time.Time{ago(10 * time.Second), now.Add(3 * time.Second)}, [2]time.Time{rate.Since, rate.Until})
	scheduled := Decide(waitingFacts(retryingIn(time.Hour), attempted(500, noAnswer, 1, time.Minute)))
	assert.Equal(t, [2]time.Time{ago(time.Minute), now.Add(time.Hour)}, [2]time.Time{scheduled.Since, scheduled.Causes[0].Until})
	assert.Equal(t, ago(10*time.Minute), Decide(waitingFacts(endpointIs(pause))).Since)
	assert.Zero(t, Decide(waitingFacts(withoutRedis)).Since, "not known")
}

package explain

import (
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// now is the time of all explanations.
var now = time.Date(2026, 11, 20, 16, 30, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// waitingFacts are of a delivery that has been due for ten seconds, with one dispatcher and nothing that holds it.
func waitingFacts(change ...func(*Facts)) Facts {
	f := Facts{
		Now: now,
		Explained: webhook.Explained{
			Record: webhook.Record{Delivery: webhook.Delivery{
				ID: "dlv_1", OrganizationID: "org_a", EndpointID: "ep_1", EventID: "evt_1", Status: webhook.StatusPending, MaxRetries: 5,
				NextRetryAt: ago(10 * time.Second), CreatedAt: ago(time.Hour), UpdatedAt: ago(10 * time.Second), Queue: webhook.QueueDeliveries,
			}},
			Endpoint: &webhook.Endpoint{ID: "ep_1", OrganizationID: "org_a", Name: "Billing", Status: webhook.EndpointActive, RateLimit: 5},
		},
		Queue: &queue.Situation{Task: queue.PresencePending, Dispatchers: []queue.DispatcherView{dispatcher()}},
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func dispatcher(change ...func(*queue.DispatcherView)) queue.DispatcherView {
	d := queue.DispatcherView{Dispatcher: queue.DispatcherState{Limit: 50, LongestHold: 10 * time.Minute}}
	for _, c := range change {
		c(&d)
	}
	return d
}

// The changes of facts.

func delivery(change func(*webhook.Delivery)) func(*Facts) {
	return func(f *Facts) { change(&f.Record.Delivery) }
}

func endpointIs(change func(*webhook.Endpoint)) func(*Facts) {
	return func(f *Facts) { change(f.Endpoint) }
}

func queueIs(change func(*queue.Situation)) func(*Facts) {
	return func(f *Facts) { change(f.Queue) }
}

func dispatchers(all ...queue.DispatcherView) func(*Facts) {
	return queueIs(func(s *queue.Situation) { s.Dispatchers = all })
}

func task(state queue.Presence) func(*Facts) {
	return queueIs(func(s *queue.Situation) { s.Task = state })
}

func withoutRedis(f *Facts) { f.Queue = nil }

func large(f *Facts) { f.DataSize = 1_000_000 }

// attempted adds a last attempt that ended ago.
func attempted(status int, message string, number int, end time.Duration) func(*Facts) {
	return func(f *Facts) {
		f.Record.Delivery.LastAttemptID = "att_1"
		f.Record.LastAttempt = &webhook.Attempt{
			ID: "att_1", DeliveryID: "dlv_1", Number: number, StartedAt: ago(end + time.Second), Duration: time.Second, ResponseStatus: status,
			ErrorMessage: message, Outcome: webhook.AttemptFailure,
		}
	}
}

// endedAs ends the delivery a minute ago.
func endedAs(status webhook.Status, reason webhook.FailureReason) func(*Facts) {
	return func(f *Facts) {
		d := &f.Record.Delivery
		d.Status, d.FailureReason, d.NextRetryAt, d.UpdatedAt = status, reason, time.Time{}, ago(time.Minute)
		f.Queue.Task = queue.PresenceAbsent
	}
}

// retryingIn schedules the next retry.
func retryingIn(wait time.Duration) func(*Facts) {
	return delivery(func(d *webhook.Delivery) {
		d.Status, d.RetryCount, d.NextRetryAt = webhook.StatusRetrying, 1, now.Add(wait)
	})
}

// The changes of dispatchers.

func endpointState(state queue.EndpointState) func(*queue.DispatcherView) {
	return func(d *queue.DispatcherView) { d.Endpoint = &state }
}

func openCircuit() func(*queue.DispatcherView) {
	return endpointState(queue.EndpointState{
		Circuit: queue.CircuitOpen, Since: ago(20 * time.Second), Until: now.Add(40 * time.Second), Reason: "it did not answer in time 5 times in a row",
		Limit: 12, Held: 3,
	})
}

func fullEndpoint() func(*queue.DispatcherView) {
	return endpointState(queue.EndpointState{Circuit: queue.CircuitClosed, InFlight: 50, Limit: 50, Held: 9, Full: true})
}

func rateLimited() func(*queue.DispatcherView) {
	return endpointState(queue.EndpointState{Circuit: queue.CircuitClosed, Limit: 50, Held: 2, LimitedUntil: now.Add(3 * time.Second)})
}

func withoutMemory(d *queue.DispatcherView) {
	d.Organization = &queue.OrganizationState{WithoutMemory: ago(time.Second)}
}

func attemptingSince(at time.Time) func(*queue.DispatcherView) {
	return func(d *queue.DispatcherView) { d.Attempting = at }
}

func stopping(d *queue.DispatcherView) { d.Dispatcher.Stopping = true }

func omitting(d *queue.DispatcherView) { d.Dispatcher.OmittedEndpoints = 3 }

func stalled(d *queue.DispatcherView) { d.Dispatcher.Stalled = "it cannot reach the database" }

// putOff is a task that a dispatcher has put off for a minute.
func putOff(f *Facts) {
	f.Queue.Task, f.Queue.RunsAt = queue.PresenceRetry, now.Add(time.Minute)
}

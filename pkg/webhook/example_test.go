package webhook_test

import (
	"errors"
	"fmt"
	"time"

	"redrive/pkg/webhook"
)

// A receiver answers 503 three times. The endpoint allows two retries, so that the delivery then fails.
func ExamplePolicy_Decide() {
	at := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	policy := webhook.Policy{
		Schedule: []time.Duration{10 * time.Second, time.Minute},
		Random:   func() float64 { return 0.5 }, // no jitter
	}
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, at)
	delivery := webhook.NewDelivery(event, webhook.Endpoint{MaxRetries: 2}, at)

	for delivery.Status.Waiting() {
		outcome, err := policy.Decide(delivery, webhook.Result{StartedAt: at, ResponseStatus: 503}, at)
		if err != nil {
			fmt.Println(err)
			return
		}
		delivery = outcome.Delivery
		fmt.Println(delivery.Status, delivery.RetryCount, outcome.Attempt.ErrorMessage)
		if delivery.Status.Waiting() {
			fmt.Println("next attempt after", delivery.NextRetryAt.Sub(at))
			at = delivery.NextRetryAt
		}
	}
	// Output:
	// retrying 0 the receiver answered 503 Service Unavailable
	// next attempt after 10s
	// retrying 1 the receiver answered 503 Service Unavailable
	// next attempt after 1m0s
	// failure 2 the receiver answered 503 Service Unavailable
}

// A receiver that is overloaded asks for a longer pause with the header Retry-After.
func ExamplePolicy_Decide_retryAfter() {
	at := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, at)
	delivery := webhook.NewDelivery(event, webhook.Endpoint{MaxRetries: 5}, at)

	outcome, err := webhook.Policy{}.Decide(delivery, webhook.Result{StartedAt: at, ResponseStatus: 429, RetryAfter: "3600"}, at)
	fmt.Println(outcome.Delivery.Status, outcome.Delivery.NextRetryAt.Sub(at), err)
	// Output: retrying 1h0m0s <nil>
}

// A manual retry requeues a failed delivery with a fresh set of retries.
func ExampleDelivery_Retried() {
	at := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	delivery := webhook.Delivery{Status: webhook.StatusFailure, RetryCount: 5, MaxRetries: 5, Revision: 7}

	retried, err := delivery.Retried(at)
	fmt.Println(retried.Status, retried.RetryCount, retried.NextRetryAt.Equal(at), retried.Revision, err)

	_, err = retried.Retried(at)
	fmt.Println(errors.Is(err, webhook.ErrDeliveryNotFailed))
	// Output:
	// pending 0 true 8 <nil>
	// true
}

// Subscriptions match exact event types, prefixes and, if there are none, every event type.
func ExampleSubscribes() {
	fmt.Println(webhook.Subscribes([]string{"run.finished", "node.*"}, "node.started"))
	fmt.Println(webhook.Subscribes([]string{"run.finished"}, "run.started"))
	fmt.Println(webhook.Subscribes(nil, "run.started"))
	// Output:
	// true
	// false
	// true
}

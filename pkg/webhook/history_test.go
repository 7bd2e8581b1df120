package webhook_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"redrive/pkg/webhook"
)

// TestDeliveryRandomHistoryKeepsInvariants applies random changes to a delivery and checks the invariants after each one:
// legal moves, counters within bounds, a due time exactly in a waiting status, and terminal statuses that only
// a manual retry leaves.
func TestDeliveryRandomHistoryKeepsInvariants(t *testing.T) {
	legal := map[webhook.Status][]webhook.Status{
		webhook.StatusPending:  {webhook.StatusSuccess, webhook.StatusRetrying, webhook.StatusFailure},
		webhook.StatusRetrying: {webhook.StatusSuccess, webhook.StatusRetrying, webhook.StatusFailure},
		webhook.StatusFailure:  {webhook.StatusPending},
		webhook.StatusSuccess:  {},
	}

	rapid.Check(t, func(t *rapid.T) {
		now := noon
		d := newDelivery(rapid.IntRange(0, webhook.MaxMaxRetries).Draw(t, "maxRetries"))
		attempts := 0

		moved := func(step string, next webhook.Delivery, err error) {
			if err != nil {
				if d.Status.Waiting() || !errors.Is(err, webhook.ErrIllegalMove) && !errors.Is(err, webhook.ErrDeliveryNotFailed) {
					t.Fatalf("%s of a %s delivery: %v", step, d.Status, err)
				}
				return
			}
			if !slices.Contains(legal[d.Status], next.Status) {
				t.Fatalf("%s moved a delivery from %s to %s", step, d.Status, next.Status)
			}
			if next.Revision != d.Revision+1 {
				t.Fatalf("%s moved the revision from %d to %d", step, d.Revision, next.Revision)
			}
			d = next
		}

		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "for")))
			},
			"attempt": func(t *rapid.T) {
				r := answered(rapid.SampledFrom([]int{0, 200, 204, 301, 400, 410, 429, 500, 503}).Draw(t, "status"))
				r.RetryAfter = rapid.SampledFrom([]string{"", "0", "30", "-1", "999999999", "x"}).Draw(t, "retryAfter")
				outcome, err := webhook.Policy{}.Decide(d, r, now)
				if err == nil {
					attempts++
				}
				moved("attempt", outcome.Delivery, err)
			},
			"endpoint disabled": func(*rapid.T) {
				next, err := d.Failed(webhook.FailureEndpointDisabled, now)
				moved("failing", next, err)
			},
			"cancel": func(t *rapid.T) {
				next, err := d.Failed(webhook.FailureCancelled, now)
				moved("cancelling", next, err)
				written := webhook.Cancellation{OrganizationID: d.OrganizationID, DeliveryID: d.ID, At: now}.Cancelled()
				if err == nil && (written.Status != next.Status || written.FailureReason != next.FailureReason || !written.NextRetryAt.IsZero() || written.Revision != 1) {
					t.Fatalf("the store writes %+v", written)
				}
			},
			"manual retry": func(t *rapid.T) {
				next, err := d.Retried(now)
				if (err == nil) != (d.Status == webhook.StatusFailure) {
					t.Fatalf("manual retry of a %s delivery: %v", d.Status, err)
				}
				if err == nil {
					attempts = 0
					moved("manual retry", next, nil)
				}
			},
			"": func(t *rapid.T) {
				switch {
				case d.RetryCount < 0 || d.RetryCount > d.MaxRetries:
					t.Fatalf("retryCount %d of %d", d.RetryCount, d.MaxRetries)
				case attempts > d.MaxRetries+1:
					t.Fatalf("%d attempts with %d retries", attempts, d.MaxRetries)
				case d.Status.Waiting() == d.NextRetryAt.IsZero():
					t.Fatalf("%s with nextRetryAt %v", d.Status, d.NextRetryAt)
				case d.FailureReason != "" && d.Status != webhook.StatusFailure:
					t.Fatalf("%s with the reason %q", d.Status, d.FailureReason)
				}
			},
		})
	})
}

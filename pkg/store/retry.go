package store

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// RetryDelivery is RetryDeliveries for one delivery.
func (s *Store) RetryDelivery(ctx context.Context, organizationID, id string, now time.Time) (webhook.Record, error) {
	retry := webhook.Retry{OrganizationID: organizationID, DeliveryID: id, At: now}
	records, failures := s.RetryDeliveries(ctx, []webhook.Retry{retry})
	return records[0], failures[0]
}

// RetryDeliveries requeues failed deliveries as webhook.Delivery.Retried says. PostgreSQL requeues all of them in one statement.
// Records and errors are in the order of the retries, and one error does not affect the other retries.
//
// The statement is guarded by the status. Of any number of concurrent retries of one delivery, one succeeds and the others get
// webhook.ErrDeliveryNotFailed. A delivery to a disabled endpoint gets webhook.ErrEndpointDisabled, and to a
// deleted one webhook.ErrEndpointDeleted. A record that is larger than Retry.MaxBytes gets webhook.ErrRecordLarge.
func (s *Store) RetryDeliveries(ctx context.Context, retries []webhook.Retry) ([]webhook.Record, []error) {
	if len(retries) > 1 && !s.dialect.Postgres {
		return s.retryEach(ctx, retries)
	}
	requeued, err := s.requeue(ctx, retries)
	if s.vanished(err) {
		requeued, err = s.requeue(ctx, retries)
	}
	if err = s.translate("retry deliveries", err); refusesOne(err, len(retries)) {
		return s.retryEach(ctx, retries)
	}
	return each(retries, func(retry webhook.Retry) (webhook.Record, error) {
		if err != nil {
			return webhook.Record{}, err
		}
		record, won := requeued[retry.DeliveryID]
		if !won || record.Delivery.OrganizationID != retry.OrganizationID {
			return s.explainRefusal(ctx, retry)
		}
		delete(requeued, retry.DeliveryID) // a second retry of the same delivery in this batch is too late
		return record, nil
	})
}

func (s *Store) retryEach(ctx context.Context, retries []webhook.Retry) ([]webhook.Record, []error) {
	return each(retries, func(r webhook.Retry) (webhook.Record, error) {
		records, failures := s.RetryDeliveries(ctx, []webhook.Retry{r})
		return records[0], failures[0]
	})
}

// explainRefusal returns the reason why a delivery was not requeued. If there is no reason any more, it retries the delivery again.
func (s *Store) explainRefusal(ctx context.Context, retry webhook.Retry) (webhook.Record, error) {
	if err := s.fits(ctx, retry); err != nil {
		return webhook.Record{}, err
	}
	record, err := s.FindDelivery(ctx, retry.OrganizationID, retry.DeliveryID)
	if err != nil {
		return webhook.Record{}, err
	}
	if record.Delivery.Status != webhook.StatusFailure {
		return webhook.Record{}, webhook.ErrDeliveryNotFailed
	}
	endpoint, err := s.FindEndpointEver(ctx, retry.OrganizationID, record.Delivery.EndpointID)
	if err == nil {
		err = endpoint.TakesDeliveries()
	}
	if err != nil {
		return webhook.Record{}, err
	}
	records, failures := s.RetryDeliveries(ctx, []webhook.Retry{retry})
	return records[0], failures[0]
}

// fits returns webhook.ErrRecordLarge if the record of the delivery is larger than the retry allows.
func (s *Store) fits(ctx context.Context, retry webhook.Retry) error {
	if retry.MaxBytes == 0 {
		return nil
	}
	sized, err := s.SizeDelivery(ctx, retry.OrganizationID, retry.DeliveryID)
	if err == nil && sized.Bytes > retry.MaxBytes {
		err = webhook.ErrRecordLarge
	}
	return err
}

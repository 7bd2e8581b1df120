package store

import (
	"context"

	"redrive/pkg/webhook"
)

// Resealed is the result of ResealEndpoints.
type Resealed struct {
	Seen    int // the endpoints that were read
	Changed int // the endpoints that had a value sealed with an older key
	// Unreadable has the errors of the endpoints that could not be opened, by ID. They are not changed.
	Unreadable map[string]error
	// Last is the ID after which the next call continues. It is empty after the last endpoint.
	Last string
}

// ResealEndpoints seals the secrets and headers of up to limit endpoints after an ID with the newest key. It holds no lock. Each endpoint is
// written by a statement of its own, if it has not changed since it was read, and is read again otherwise. The call can therefore be
// interrupted and repeated at any time.
func (s *Store) ResealEndpoints(ctx context.Context, after string, limit int) (Resealed, error) {
	resealed := Resealed{Unreadable: map[string]error{}}
	var rows []endpointRow
	err := s.db.WithContext(ctx).Select("id", "signing_secrets", "headers").
		Where("id > ?", after).Order("id").Limit(limit).Find(&rows).Error
	if err != nil {
		return resealed, s.translate("read endpoints", err)
	}
	for _, row := range rows {
		changed, unreadable, err := s.resealEndpoint(ctx, row)
		if err != nil {
			return resealed, s.translate("seal an endpoint again", err)
		}
		resealed.Seen++
		if changed {
			resealed.Changed++
		}
		if unreadable != nil {
			resealed.Unreadable[row.ID] = unreadable
		}
	}
	if len(rows) == limit {
		resealed.Last = rows[limit-1].ID
	}
	return resealed, nil
}

// resealEndpoint returns two kinds of errors. An unreadable endpoint does not affect the others; a failed statement ends the call.
func (s *Store) resealEndpoint(ctx context.Context, row endpointRow) (changed bool, unreadable, failed error) {
	for {
		again, unreadable := s.reseal(row)
		if unreadable != nil || again.Headers == row.Headers && string(again.SigningSecrets) == string(row.SigningSecrets) {
			return false, unreadable, nil
		}
		update := s.db.WithContext(ctx).Model(&endpointRow{}).
			Where("id = ? AND signing_secrets = ? AND headers = ?", row.ID, row.SigningSecrets, row.Headers).
			UpdateColumns(map[string]any{"signing_secrets": again.SigningSecrets, "headers": again.Headers})
		if update.Error != nil || update.RowsAffected == 1 {
			return update.Error == nil, nil, update.Error
		}
		err := notFound(s.db.WithContext(ctx).Where("id = ?", row.ID).Take(&row).Error, "endpoint", row.ID)
		if webhook.CodeOf(err) == webhook.CodeNotFound {
			return false, nil, nil // the endpoint was deleted
		}
		if err != nil {
			return false, nil, err
		}
	}
}

// reseal returns the row with all values that an older key sealed, sealed with the newest key.
func (s *Store) reseal(row endpointRow) (endpointRow, error) {
	if !s.sealer.SealedWithNewest(row.SigningSecrets) {
		secrets, err := s.openSecrets(row)
		if err != nil {
			return row, err
		}
		if row.SigningSecrets, err = s.sealSecrets(row.ID, secrets); err != nil {
			return row, err
		}
	}
	sealed, err := row.sealedHeaders()
	if err != nil {
		return row, err
	}
	older := false
	for _, value := range sealed {
		older = older || !s.sealer.SealedWithNewest(value)
	}
	if !older {
		return row, nil
	}
	headers, err := s.openHeaders(row)
	if err != nil {
		return row, err
	}
	row.Headers, err = s.sealHeaders(row.ID, headers)
	return row, err
}

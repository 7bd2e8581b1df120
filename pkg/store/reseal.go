package store

import (
	"context"

	"redrive/pkg/webhook"
)

// Resealed is what became of some endpoints when what is sealed in them was sealed again with the newest key.
type Resealed struct {
	Seen    int // all that were looked at
	Changed int // those that had anything of an older key
	// Unreadable are those that could not be opened, by their IDs, and left as they are.
	Unreadable map[string]error
	// Last is the ID to go on behind; empty when there are no more.
	Last string
}

// ResealEndpoints seals again with the newest key what is sealed in the endpoints behind an ID, as many as the limit says. It
// waits for nobody and holds no lock: each endpoint is written by itself, and only if it is still as it was read; one that
// somebody else writes to at the same moment is read again. So it may be broken off at any point, and begun anew.
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

// resealEndpoint tells what could not be opened from what could not be written: the one is this endpoint's own trouble.
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
			return false, nil, nil // nothing is left to seal
		}
		if err != nil {
			return false, nil, err
		}
	}
}

// reseal opens and seals again whatever is not of the newest key, and leaves the rest as it is.
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

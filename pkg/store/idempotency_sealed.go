package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"redrive/pkg/webhook"
)

// answerBinding is the additional data of a sealed answer. It binds the answer to its row.
func (r idempotencyRow) answerBinding() []byte {
	return slices.Concat([]byte("idempotency_keys\x00"+r.OrganizationID+"\x00"), r.KeyHash)
}

func (s *Store) sealAnswer(row idempotencyRow) ([]byte, error) {
	sealed, err := s.sealer.Seal(row.Answer, row.answerBinding())
	if err != nil {
		return nil, fmt.Errorf("seal a recorded answer: %w", err)
	}
	return sealed, nil
}

// openAnswer returns the recorded answer, or nothing if there is none.
func (s *Store) openAnswer(row idempotencyRow) ([]byte, error) {
	if row.Answer == nil {
		return nil, nil
	}
	answer, err := s.sealer.Open(row.Answer, row.answerBinding())
	if err != nil {
		return nil, fmt.Errorf("open the recorded answer about %s: %w", row.SubjectID, err)
	}
	return answer, nil
}

// ResealAnswers is ResealEndpoints for the recorded answers to calls with idempotency keys. Unreadable answers are named by the ID of their
// subject.
func (s *Store) ResealAnswers(ctx context.Context, after string, limit int) (Resealed, error) {
	resealed := Resealed{Unreadable: map[string]error{}}
	slash := max(0, strings.LastIndexByte(after, '/'))
	organizationID := after[:slash]
	position, err := hex.DecodeString(strings.TrimPrefix(after[slash:], "/"))
	if err != nil {
		return resealed, fmt.Errorf("continue after %q: %w", after, err)
	}
	var rows []idempotencyRow
	err = s.db.WithContext(ctx).Where("answer IS NOT NULL AND (organization_id, key_hash) > (?, ?)", organizationID, position).
		Order("organization_id, key_hash").Limit(limit).Find(&rows).Error
	if err != nil {
		return resealed, s.translate("read recorded answers", err)
	}
	for _, row := range rows {
		changed, err := s.resealAnswer(ctx, row)
		if err != nil && webhook.CodeOf(err) == webhook.CodeUnavailable {
			return resealed, err
		}
		resealed.Seen++
		if changed {
			resealed.Changed++
		}
		if err != nil {
			resealed.Unreadable[row.SubjectID] = err
		}
	}
	if len(rows) == limit {
		last := rows[limit-1]
		resealed.Last = last.OrganizationID + "/" + hex.EncodeToString(last.KeyHash)
	}
	return resealed, nil
}

// resealAnswer writes an answer that an older key sealed, unless its row has changed meanwhile.
func (s *Store) resealAnswer(ctx context.Context, row idempotencyRow) (changed bool, err error) {
	if s.sealer.SealedWithNewest(row.Answer) {
		return false, nil
	}
	again := row
	if again.Answer, err = s.openAnswer(row); err != nil {
		return false, err
	}
	if again.Answer, err = s.sealAnswer(again); err != nil {
		return false, err
	}
	update := s.db.WithContext(ctx).Model(&idempotencyRow{}).
		Where("organization_id = ? AND key_hash = ? AND answer = ?", row.OrganizationID, row.KeyHash, row.Answer).
		UpdateColumn("answer", again.Answer)
	return update.RowsAffected == 1, s.translate("seal a recorded answer again", update.Error)
}

// sealedAnswers returns the beginnings of all recorded answers, each once.
func (s *Store) sealedAnswers(ctx context.Context) ([][]byte, error) {
	var sealed [][]byte
	err := s.db.WithContext(ctx).Model(&idempotencyRow{}).Where("answer IS NOT NULL").
		Distinct().Pluck(fmt.Sprintf("substr(answer, 1, %d)", sealedHeader), &sealed).Error
	return sealed, s.translate("list the keys of recorded answers", err)
}

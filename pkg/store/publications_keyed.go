package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// keysPerStatement bounds the advisory locks of a statement. All transactions share max_locks_per_transaction × max_connections of them,
// which is 6,400 by default, and up to 20 connections of a process insert at the same time.
const keysPerStatement = 100

// keyOf returns the row of a publication's idempotency key.
func keyOf(p webhook.Publication) idempotencyRow {
	return idempotencyRow{
		OrganizationID: p.Event.OrganizationID, KeyHash: p.Key.Hash[:], Fingerprint: p.Key.Fingerprint[:], SubjectID: p.Event.ID,
		CreatedAt: p.Event.CreatedAt,
	}
}

// failuresOf returns one error for each publication of a statement.
func failuresOf(publications []webhook.Publication, taken map[string]bool, err error) []error {
	failures := make([]error, len(publications))
	for i, p := range publications {
		failures[i] = err
		if err == nil && taken[p.Event.ID] {
			failures[i] = webhook.ErrIdempotencyKeyTaken
		}
	}
	return failures
}

// execKeyed is execBatch for publications of which some have keys. Of two with the same key, the statement gets the first only, because
// ON CONFLICT DO UPDATE refuses to touch a row twice.
func (s *Store) execKeyed(ctx context.Context, publications []webhook.Publication) (taken map[string]bool, err error) {
	taken = map[string]bool{}
	publications = slices.Clone(publications)
	type identity struct {
		organizationID string
		hash           [sha256.Size]byte
	}
	seen := map[identity]bool{}
	var keyed []webhook.Publication
	publications = slices.DeleteFunc(publications, func(p webhook.Publication) bool {
		if p.Key == nil {
			return false
		}
		id := identity{p.Event.OrganizationID, p.Key.Hash}
		if seen[id] {
			taken[p.Event.ID] = true
			return true
		}
		seen[id] = true
		keyed = append(keyed, p)
		return false
	})
	rows, err := keyedSQL.rows(s.db.WithContext(ctx), append(keyArguments(keyed), createArguments(publications)...)...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var eventID string
		if err := rows.Scan(&eventID); err != nil {
			return nil, err
		}
		taken[eventID] = true
	}
	return taken, rows.Err()
}

// keyedSQL inserts idempotency keys, and what createSQL inserts of the events that have no key or whose key was inserted. It returns the IDs
// of the other events. A key that another transaction inserts at the same time has the advisory lock of that transaction, so that the
// statement never waits.
var keyedSQL = newNumbered(`
WITH asked AS MATERIALIZED (
	SELECT k.* FROM ` + parameterRows("k", "organization_id text", "key_hash bytea", "fingerprint bytea", "subject_id text",
	"created_at timestamptz", "lock bigint") + `
), recorded AS (
	INSERT INTO idempotency_keys AS i (organization_id, key_hash, fingerprint, subject_id, created_at)
	SELECT organization_id, key_hash, fingerprint, subject_id, created_at FROM asked WHERE pg_try_advisory_xact_lock(lock)
	ON CONFLICT (organization_id, key_hash) DO UPDATE
	SET fingerprint = excluded.fingerprint, subject_id = excluded.subject_id, answer = NULL, audit = NULL, created_at = excluded.created_at
	WHERE i.created_at < excluded.created_at - interval '24 hours' -- webhook.IdempotencyLifetime
	RETURNING subject_id
), taken AS MATERIALIZED (
	SELECT subject_id FROM asked EXCEPT SELECT subject_id FROM recorded
), event AS (
	` + insertEvents + `
	WHERE e.id NOT IN (SELECT subject_id FROM taken)
), counted AS (
	` + insertTallies + ` WHERE c.event_id NOT IN (SELECT subject_id FROM taken)` + groupTallies + `
), delivery AS (
	` + insertDeliveries + `
	WHERE d.event_id NOT IN (SELECT subject_id FROM taken)
)
SELECT subject_id FROM taken`)

// keyArguments returns the parameters of keyedSQL that createSQL does not have.
func keyArguments(keyed []webhook.Publication) []any {
	type publication = webhook.Publication
	return []any{
		column(keyed, func(p *publication) string { return p.Event.OrganizationID }),
		column(keyed, func(p *publication) []byte { return p.Key.Hash[:] }),
		column(keyed, func(p *publication) []byte { return p.Key.Fingerprint[:] }),
		column(keyed, func(p *publication) string { return p.Event.ID }),
		column(keyed, func(p *publication) time.Time { return p.Event.CreatedAt }),
		column(keyed, func(p *publication) int64 { return lockOf(p.Event.OrganizationID, p.Key.Hash) }),
	}
}

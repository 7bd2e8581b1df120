-- The requests of the last 24 hours that had an idempotency key. A row is written in the transaction of the request's effect.

-- +goose Up
CREATE TABLE idempotency_keys (
    organization_id text NOT NULL,
    key_hash        blob NOT NULL, -- SHA-256 of the key
    fingerprint     blob NOT NULL, -- SHA-256 of the request
    subject_id      text NOT NULL, -- the event, or what the call made or changed
    answer          blob, -- sealed; NULL if the answer is the subject as it is now
    created_at      datetime NOT NULL,
    PRIMARY KEY (organization_id, key_hash)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_sealed ON idempotency_keys (organization_id, key_hash) WHERE answer IS NOT NULL;

-- +goose Down
DROP TABLE idempotency_keys;

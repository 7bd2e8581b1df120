-- The line of the audit log that a call owes. It is NULL once a process writes the line, and for calls that write none.

-- +goose Up
ALTER TABLE idempotency_keys ADD COLUMN audit blob;

-- +goose Down
ALTER TABLE idempotency_keys DROP COLUMN audit;

-- The pending line of the audit log. It is NULL after a process has taken the line to write it, and for calls without a line.

-- +goose Up
ALTER TABLE idempotency_keys ADD COLUMN audit bytea;

-- +goose Down
ALTER TABLE idempotency_keys DROP COLUMN audit;

-- The bulk job that touched the delivery last, and when the delivery failed by the clock of the database. Deliveries that a version without
-- these columns has written have neither.

-- +goose Up
ALTER TABLE deliveries ADD COLUMN bulk_job_id text NOT NULL DEFAULT '', ADD COLUMN failed_at timestamptz;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN bulk_job_id, DROP COLUMN failed_at;

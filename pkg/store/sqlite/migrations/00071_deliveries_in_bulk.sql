-- The bulk job that touched the delivery last, and when the delivery failed.

-- +goose Up
ALTER TABLE deliveries ADD COLUMN bulk_job_id text NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN failed_at datetime;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN bulk_job_id;
ALTER TABLE deliveries DROP COLUMN failed_at;

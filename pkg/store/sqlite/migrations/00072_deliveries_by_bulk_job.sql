-- +goose Up
CREATE INDEX deliveries_by_bulk_job ON deliveries (organization_id, bulk_job_id, id, status) WHERE bulk_job_id <> '';

-- +goose Down
DROP INDEX deliveries_by_bulk_job;

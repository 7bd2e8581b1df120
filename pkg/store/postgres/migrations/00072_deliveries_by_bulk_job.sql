-- +goose NO TRANSACTION
-- The deliveries of a bulk job are listed, and counted by status. Most deliveries have no job and are not in the index.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_bulk_job;
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_by_bulk_job ON deliveries (organization_id, bulk_job_id, id, status) WHERE bulk_job_id <> '';

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_bulk_job;

-- +goose NO TRANSACTION
-- Dispatchers pass over the deliveries of these endpoints.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS endpoints_held;
CREATE INDEX CONCURRENTLY IF NOT EXISTS endpoints_held ON endpoints (id, deleted_at) WHERE paused_at IS NOT NULL OR deleted_at IS NOT NULL;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS endpoints_held;

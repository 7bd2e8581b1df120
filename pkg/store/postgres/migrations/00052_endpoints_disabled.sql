-- +goose NO TRANSACTION
-- Disabled endpoints are counted for a metric.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS endpoints_disabled;
CREATE INDEX CONCURRENTLY IF NOT EXISTS endpoints_disabled ON endpoints (disabled_reason) WHERE status = 'disabled' AND deleted_at IS NULL;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS endpoints_disabled;

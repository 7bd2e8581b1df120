-- +goose NO TRANSACTION
-- A dispatcher reads the waiting deliveries of an endpoint in this order.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_lane;
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_by_lane ON deliveries (endpoint_id, priority, next_retry_at, id) WHERE status IN ('pending', 'retrying');

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_lane;

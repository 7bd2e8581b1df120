-- A dispatcher reads the waiting deliveries of an endpoint in this order.

-- +goose Up
CREATE INDEX deliveries_by_lane ON deliveries (endpoint_id, priority, next_retry_at, id) WHERE status IN ('pending', 'retrying');

-- +goose Down
DROP INDEX deliveries_by_lane;

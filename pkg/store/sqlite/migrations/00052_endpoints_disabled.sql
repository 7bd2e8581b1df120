-- Disabled endpoints are counted for a metric.

-- +goose Up
CREATE INDEX endpoints_disabled ON endpoints (disabled_reason) WHERE status = 'disabled' AND deleted_at IS NULL;

-- +goose Down
DROP INDEX endpoints_disabled;

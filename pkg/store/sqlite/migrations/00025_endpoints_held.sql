-- Dispatchers pass over the deliveries of these endpoints.

-- +goose Up
CREATE INDEX endpoints_held ON endpoints (id, deleted_at) WHERE paused_at IS NOT NULL OR deleted_at IS NOT NULL;

-- +goose Down
DROP INDEX endpoints_held;

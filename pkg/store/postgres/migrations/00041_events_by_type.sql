-- +goose NO TRANSACTION
-- Events are searched by their type, newest first.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS events_by_type;
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_type ON events (organization_id, event_type, id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS events_by_type;

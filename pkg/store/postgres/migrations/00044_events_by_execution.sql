-- +goose NO TRANSACTION
-- Events are searched by their execution, newest first.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS events_by_execution;
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_execution ON events (organization_id, execution_id, id) WHERE execution_id <> '';

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS events_by_execution;

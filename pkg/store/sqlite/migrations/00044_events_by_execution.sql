-- Events are searched by their execution, newest first.

-- +goose Up
CREATE INDEX IF NOT EXISTS events_by_execution ON events (organization_id, execution_id, id) WHERE execution_id <> '';

-- +goose Down
DROP INDEX IF EXISTS events_by_execution;

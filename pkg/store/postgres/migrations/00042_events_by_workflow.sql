-- +goose NO TRANSACTION
-- Events are searched by their workflow, newest first.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS events_by_workflow;
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_workflow ON events (organization_id, workflow_id, id) WHERE workflow_id <> '';

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS events_by_workflow;

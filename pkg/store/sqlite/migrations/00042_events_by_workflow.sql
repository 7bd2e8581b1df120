-- Events are searched by their workflow, newest first.

-- +goose Up
CREATE INDEX IF NOT EXISTS events_by_workflow ON events (organization_id, workflow_id, id) WHERE workflow_id <> '';

-- +goose Down
DROP INDEX IF EXISTS events_by_workflow;

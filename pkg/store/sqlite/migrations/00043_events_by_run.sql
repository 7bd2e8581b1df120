-- Events are searched by their run, newest first.

-- +goose Up
CREATE INDEX IF NOT EXISTS events_by_run ON events (organization_id, run_id, id) WHERE run_id <> '';

-- +goose Down
DROP INDEX IF EXISTS events_by_run;

-- +goose NO TRANSACTION
-- Events are searched by their run, newest first.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS events_by_run;
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_run ON events (organization_id, run_id, id) WHERE run_id <> '';

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS events_by_run;

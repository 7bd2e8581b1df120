-- Events are searched by their type, newest first.

-- +goose Up
CREATE INDEX IF NOT EXISTS events_by_type ON events (organization_id, event_type, id);

-- +goose Down
DROP INDEX IF EXISTS events_by_type;

-- An event is purged once its last delivery is: somebody has to be able to tell. An index serves a comparison of one collation
-- alone, and the IDs of events have "C".

-- +goose Up
ALTER TABLE deliveries ALTER COLUMN event_id TYPE text COLLATE "C";
CREATE INDEX deliveries_by_event ON deliveries (event_id);

-- +goose Down
DROP INDEX deliveries_by_event;
ALTER TABLE deliveries ALTER COLUMN event_id TYPE text COLLATE "default";

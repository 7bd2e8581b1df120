-- An event is purged once its last delivery is: somebody has to be able to tell.

-- +goose Up
CREATE INDEX deliveries_by_event ON deliveries (event_id);

-- +goose Down
DROP INDEX deliveries_by_event;

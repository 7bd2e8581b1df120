-- The delivery that a replay repeats. It is empty for other deliveries, and for replays that were made before this column.

-- +goose Up
ALTER TABLE deliveries ADD COLUMN replay_of text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE deliveries DROP COLUMN replay_of;

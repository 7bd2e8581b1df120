-- The order in which the deliveries of one organization are sent: -1 before 0 before 1, see webhook.Priority.

-- +goose Up
ALTER TABLE deliveries ADD COLUMN priority smallint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN priority;

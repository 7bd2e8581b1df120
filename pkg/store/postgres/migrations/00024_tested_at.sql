-- When the last test delivery of an endpoint was asked for, which limits them to one a second.

-- +goose Up
ALTER TABLE endpoints ADD COLUMN tested_at timestamptz;

-- +goose Down
ALTER TABLE endpoints DROP COLUMN tested_at;

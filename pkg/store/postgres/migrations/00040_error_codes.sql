-- The kind of a failed attempt. It is empty for a success, and for attempts that were recorded before there were kinds.

-- +goose Up
ALTER TABLE attempts ADD COLUMN error_code text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE attempts DROP COLUMN error_code;

-- SQLite runs in the process that publishes. created_at is by its clock.

-- +goose Up
SELECT 1;

-- +goose Down
SELECT 1;

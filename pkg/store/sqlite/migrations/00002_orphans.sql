-- Attempts that ended without an outcome, because the process that made them died, are counted when they are found.

-- +goose Up
ALTER TABLE deliveries ADD COLUMN orphan_count integer NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN orphan_count;

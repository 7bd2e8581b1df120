-- When a row was inserted, by the clock of the database. Bulk jobs compare it with their creation: created_at is by the clock of the process
-- that has published. Rows of an older version have no value. Later rows get one whatever version inserts them.

-- +goose Up
ALTER TABLE events ADD COLUMN inserted_at timestamptz;
ALTER TABLE events ALTER COLUMN inserted_at SET DEFAULT now();

-- +goose Down
ALTER TABLE events DROP COLUMN inserted_at;

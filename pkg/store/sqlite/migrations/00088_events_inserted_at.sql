-- As in PostgreSQL. It stays empty: SQLite runs in the process that inserts, and created_at is by its clock.

-- +goose Up
ALTER TABLE events ADD COLUMN inserted_at datetime;

-- +goose Down
ALTER TABLE events DROP COLUMN inserted_at;

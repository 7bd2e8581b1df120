-- As in PostgreSQL. It stays empty: SQLite runs in the process that inserts, and created_at is by its clock.

-- +goose Up
ALTER TABLE deliveries ADD COLUMN inserted_at datetime;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN inserted_at;

-- +goose NO TRANSACTION
-- The keys that were created by a key are found by this index, to revoke them with it.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS api_keys_by_creator;
CREATE INDEX CONCURRENTLY IF NOT EXISTS api_keys_by_creator ON api_keys (created_by COLLATE "C");

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS api_keys_by_creator;

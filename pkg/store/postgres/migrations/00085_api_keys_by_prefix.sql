-- +goose NO TRANSACTION
-- The operator finds a key by the characters of it that are visible, for example in a log of a customer.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS api_keys_by_prefix;
CREATE INDEX CONCURRENTLY IF NOT EXISTS api_keys_by_prefix ON api_keys (key_prefix);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS api_keys_by_prefix;

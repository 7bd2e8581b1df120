-- The keys that were created by a key are found by this index, to revoke them with it.

-- +goose Up
CREATE INDEX api_keys_by_creator ON api_keys (created_by);

-- +goose Down
DROP INDEX api_keys_by_creator;

-- +goose Up
CREATE INDEX api_keys_by_prefix ON api_keys (key_prefix);

-- +goose Down
DROP INDEX api_keys_by_prefix;

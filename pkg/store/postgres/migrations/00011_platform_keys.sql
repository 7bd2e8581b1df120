-- A platform key is in the table of API keys, with the scope platform and an empty organization.

-- +goose Up
ALTER TABLE api_keys
    DROP CONSTRAINT api_keys_scope_check,
    ADD CONSTRAINT api_keys_scope_check CHECK (scope IN ('read', 'read-write', 'platform')) NOT VALID;

-- +goose Down
DELETE FROM api_keys WHERE scope = 'platform';
ALTER TABLE api_keys DROP CONSTRAINT api_keys_scope_check, ADD CONSTRAINT api_keys_scope_check CHECK (scope IN ('read', 'read-write'));

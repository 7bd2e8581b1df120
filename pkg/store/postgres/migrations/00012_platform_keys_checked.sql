-- +goose Up
ALTER TABLE api_keys VALIDATE CONSTRAINT api_keys_scope_check;

-- +goose Down
SELECT 1;

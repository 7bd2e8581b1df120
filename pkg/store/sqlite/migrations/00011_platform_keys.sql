-- A platform key is in the table of API keys, with the scope platform and an empty organization. SQLite cannot change a constraint, so
-- that the table is copied.

-- +goose Up
CREATE TABLE api_keys_copy (
    id              text     PRIMARY KEY,
    organization_id text     NOT NULL,
    name            text     NOT NULL,
    description     text     NOT NULL,
    scope           text     NOT NULL CHECK (scope IN ('read', 'read-write', 'platform')),
    key_prefix      text     NOT NULL,
    key_hash        blob     NOT NULL UNIQUE,
    created_by      text     NOT NULL,
    created_at      datetime NOT NULL,
    expires_at      datetime,
    revoked_at      datetime,
    last_used_at    datetime
);
INSERT INTO api_keys_copy SELECT id, organization_id, name, description, scope, key_prefix, key_hash, created_by, created_at, expires_at, revoked_at, last_used_at FROM api_keys;
DROP TABLE api_keys;
ALTER TABLE api_keys_copy RENAME TO api_keys;
CREATE INDEX api_keys_by_organization ON api_keys (organization_id, id);

-- +goose Down
DELETE FROM api_keys WHERE scope = 'platform';

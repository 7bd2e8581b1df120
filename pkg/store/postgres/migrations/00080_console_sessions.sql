-- Sessions of the console. The tokens of links and sessions are stored as hashes.

-- +goose Up
CREATE TABLE console_sessions (
    id               text COLLATE "C" PRIMARY KEY,
    organization_id  text        NOT NULL,            -- empty: a session of the operator
    scope            text        NOT NULL,
    subject          text        NOT NULL DEFAULT '',
    path             text        NOT NULL DEFAULT '',
    api_key_id       text        NOT NULL DEFAULT '', -- the key that the session is bound to
    by_link          boolean     NOT NULL,
    acts_for         text        NOT NULL DEFAULT '', -- of the operator: the organization that it may write in
    lifetime_seconds bigint      NOT NULL,            -- after the opening
    link_hash        bytea UNIQUE,
    token_hash       bytea UNIQUE,
    created_by       text        NOT NULL,
    created_at       timestamptz NOT NULL,
    link_expires_at  timestamptz,
    expires_at       timestamptz NOT NULL,
    opened_at        timestamptz,
    ended_at         timestamptz
);
CREATE INDEX console_sessions_by_organization ON console_sessions (organization_id, id);
CREATE INDEX console_sessions_by_subject ON console_sessions (organization_id, subject, id);
CREATE INDEX console_sessions_over ON console_sessions ((COALESCE(ended_at, expires_at)));

-- +goose Down
DROP TABLE console_sessions;

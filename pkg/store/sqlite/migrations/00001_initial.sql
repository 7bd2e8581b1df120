-- The same tables as in PostgreSQL. Times are text in UTC, compared as text; the declared type datetime is what makes the
-- driver read them back as times.

-- +goose Up
CREATE TABLE api_keys (
    id              text     PRIMARY KEY,
    organization_id text     NOT NULL,
    name            text     NOT NULL,
    description     text     NOT NULL,
    scope           text     NOT NULL CHECK (scope IN ('read', 'read-write')),
    key_prefix      text     NOT NULL,
    key_hash        blob     NOT NULL UNIQUE,
    created_by      text     NOT NULL,
    created_at      datetime NOT NULL,
    expires_at      datetime,
    revoked_at      datetime,
    last_used_at    datetime
);
CREATE INDEX api_keys_by_organization ON api_keys (organization_id, id);

CREATE TABLE endpoints (
    id                     text     PRIMARY KEY,
    organization_id        text     NOT NULL,
    name                   text     NOT NULL,
    url                    text     NOT NULL,
    description            text     NOT NULL,
    subscribed_event_types text     NOT NULL, -- a JSON array of strings
    max_retries            integer  NOT NULL CHECK (max_retries >= 0),
    status                 text     NOT NULL CHECK (status IN ('active', 'disabled')),
    disabled_at            datetime,
    signing_secrets        blob     NOT NULL, -- sealed: AES-256-GCM bound to the endpoint's id
    created_by             text     NOT NULL,
    created_at             datetime NOT NULL,
    updated_at             datetime NOT NULL
);
CREATE INDEX endpoints_by_organization ON endpoints (organization_id, id);

CREATE TABLE events (
    id              text     PRIMARY KEY,
    organization_id text     NOT NULL,
    event_type      text     NOT NULL,
    workflow_id     text     NOT NULL,
    run_id          text     NOT NULL,
    execution_id    text     NOT NULL,
    data            blob     NOT NULL, -- JSON as published: jsonb would re-order it and re-write its numbers
    created_at      datetime NOT NULL
);

CREATE TABLE deliveries (
    id              text     PRIMARY KEY,
    organization_id text     NOT NULL,
    endpoint_id     text     NOT NULL,
    event_id        text     NOT NULL,
    status          text     NOT NULL CHECK (status IN ('pending', 'retrying', 'success', 'failure')),
    retry_count     integer  NOT NULL CHECK (retry_count >= 0),
    max_retries     integer  NOT NULL CHECK (max_retries >= 0),
    next_retry_at   datetime,
    revision        integer  NOT NULL,
    queue           text     NOT NULL,
    failure_reason  text     NOT NULL,
    attempt_count   integer  NOT NULL,
    last_attempt_id text     NOT NULL,
    created_at      datetime NOT NULL,
    updated_at      datetime NOT NULL,
    CHECK ((next_retry_at IS NOT NULL) = (status IN ('pending', 'retrying')))
);
CREATE INDEX deliveries_by_organization ON deliveries (organization_id, id);
CREATE INDEX deliveries_by_endpoint ON deliveries (organization_id, endpoint_id, id);
CREATE INDEX deliveries_due ON deliveries (next_retry_at, id) WHERE status IN ('pending', 'retrying');

CREATE TABLE attempts (
    id                      text     PRIMARY KEY,
    organization_id         text     NOT NULL,
    delivery_id             text     NOT NULL,
    number                  integer  NOT NULL CHECK (number > 0),
    started_at              datetime NOT NULL,
    duration_ms             integer  NOT NULL,
    outcome                 text     NOT NULL CHECK (outcome IN ('success', 'failure', 'superseded')),
    request_headers         text     NOT NULL, -- a JSON object of strings
    response_status         integer  NOT NULL, -- 0: there was no answer
    response_headers        text     NOT NULL, -- likewise
    response_body           blob     NOT NULL, -- text would refuse NUL and invalid UTF-8
    response_body_truncated boolean  NOT NULL,
    error_message           text     NOT NULL,
    next_retry_at           datetime,
    UNIQUE (delivery_id, number)
);

-- +goose Down
DROP TABLE attempts;
DROP TABLE deliveries;
DROP TABLE events;
DROP TABLE endpoints;
DROP TABLE api_keys;

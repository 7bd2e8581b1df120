-- Organizations with their limits, and the catalogue of event types, which all organizations share.

-- +goose Up
CREATE TABLE organizations (
    id                     text     PRIMARY KEY,
    name                   text     NOT NULL,
    metadata               text     NOT NULL DEFAULT '{}', -- a JSON object of strings
    max_endpoints          integer  NOT NULL DEFAULT 500 CHECK (max_endpoints >= 0), -- 0: no limit, and below
    max_api_keys           integer  NOT NULL DEFAULT 100 CHECK (max_api_keys >= 0),
    max_waiting_deliveries integer  NOT NULL DEFAULT 0 CHECK (max_waiting_deliveries >= 0),
    requests_per_second    integer  NOT NULL DEFAULT 0 CHECK (requests_per_second >= 0),
    created_at             datetime NOT NULL,
    updated_at             datetime NOT NULL,
    deleted_at             datetime,
    erase_after            datetime, -- the end of the delay in which a deleted organization can be restored
    erasure_started_at     datetime,
    erasure_passed_at      datetime, -- the end of the first pass
    rows_erased            integer  NOT NULL DEFAULT 0
);
CREATE INDEX organizations_deleted ON organizations (erase_after) WHERE deleted_at IS NOT NULL;

CREATE TABLE event_types (
    name        text     PRIMARY KEY,
    description text     NOT NULL,
    sample      blob, -- JSON as it was given
    deprecated  boolean  NOT NULL,
    created_at  datetime NOT NULL,
    updated_at  datetime NOT NULL
);

INSERT INTO organizations (id, name, created_at, updated_at)
SELECT organization_id, organization_id, min(created_at), min(created_at)
FROM (SELECT organization_id, created_at FROM api_keys UNION ALL SELECT organization_id, created_at FROM endpoints) AS known
GROUP BY organization_id;

-- +goose Down
DROP TABLE event_types;
DROP TABLE organizations;

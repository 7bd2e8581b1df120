-- What was changed in endpoints. A row is written in the transaction of its change. Secrets and header values are masked.

-- +goose Up
CREATE TABLE endpoint_changes (
    id              text     PRIMARY KEY,
    organization_id text     NOT NULL,
    endpoint_id     text     NOT NULL,
    changed_at      datetime NOT NULL,
    change          text     NOT NULL,
    changed_by      text     NOT NULL,
    reason          text     NOT NULL,
    before_fields   text     NOT NULL, -- a JSON object: the changed fields before the change
    after_fields    text     NOT NULL  -- a JSON object: the changed fields after it
);
CREATE INDEX endpoint_changes_by_organization ON endpoint_changes (organization_id, id);
CREATE INDEX endpoint_changes_by_endpoint ON endpoint_changes (endpoint_id, id);
CREATE INDEX endpoint_changes_by_author ON endpoint_changes (organization_id, changed_by, id);

-- +goose Down
DROP TABLE endpoint_changes;

-- How the attempts to each endpoint have ended lately. An endpoint without a row has had no attempt since this table exists.

-- +goose Up
CREATE TABLE endpoint_health (
    organization_id      text     NOT NULL,
    endpoint_id          text     NOT NULL,
    last_success_at      datetime,
    consecutive_failures integer  NOT NULL DEFAULT 0, -- counted failures since the last success
    failing_since        datetime,                    -- the first of them
    last_failure_at      datetime,                    -- the last of them
    last_error           text     NOT NULL DEFAULT '',
    announced_since      datetime,                    -- failing_since that redrive.endpoint.failing was published for
    exhausted_at         datetime,                    -- when redrive.delivery.exhausted was last published
    exhausted_since      datetime,                    -- the first exhausted delivery that was not published yet
    exhausted_count      integer  NOT NULL DEFAULT 0, -- exhausted deliveries that were not published yet
    PRIMARY KEY (organization_id, endpoint_id)
);
CREATE INDEX endpoint_health_failing ON endpoint_health (organization_id, endpoint_id) WHERE failing_since IS NOT NULL;
CREATE INDEX endpoint_health_exhausted ON endpoint_health (exhausted_at) WHERE exhausted_since IS NOT NULL;

-- +goose Down
DROP TABLE endpoint_health;

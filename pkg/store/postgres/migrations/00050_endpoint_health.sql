-- How the attempts to each endpoint have ended lately. The rows are narrow and apart from endpoints, because they are updated often. An
-- endpoint without a row has had no attempt since this table exists.

-- +goose Up
CREATE TABLE endpoint_health (
    organization_id      text        NOT NULL,
    endpoint_id          text COLLATE "C" NOT NULL,
    last_success_at      timestamptz,
    consecutive_failures bigint      NOT NULL DEFAULT 0, -- counted failures since the last success
    failing_since        timestamptz,                    -- the first of them
    last_failure_at      timestamptz,                    -- the last of them
    last_error           text        NOT NULL DEFAULT '',
    announced_since      timestamptz,                    -- failing_since that redrive.endpoint.failing was published for
    exhausted_at         timestamptz,                    -- when redrive.delivery.exhausted was last published
    exhausted_since      timestamptz,                    -- the first exhausted delivery that was not published yet
    exhausted_count      bigint      NOT NULL DEFAULT 0, -- exhausted deliveries that were not published yet
    PRIMARY KEY (organization_id, endpoint_id)
) WITH (fillfactor = 60); -- room on the page for updates, which change no index
CREATE INDEX endpoint_health_failing ON endpoint_health (organization_id, endpoint_id) WHERE failing_since IS NOT NULL;
CREATE INDEX endpoint_health_exhausted ON endpoint_health (exhausted_at) WHERE exhausted_since IS NOT NULL;

-- +goose Down
DROP TABLE endpoint_health;

-- Bulk jobs, with their progress. A dispatcher leases a job for one step at a time.

-- +goose Up
CREATE TABLE bulk_jobs (
    id              text COLLATE "C" PRIMARY KEY,
    organization_id text        NOT NULL,
    action          text        NOT NULL,
    filter          text        NOT NULL,               -- a JSON object of strings
    endpoint_id     text        NOT NULL DEFAULT '',    -- of the action deliver
    max_deliveries  bigint      NOT NULL DEFAULT 0,     -- 0: no limit
    per_second      integer     NOT NULL DEFAULT 0,     -- 0: no limit
    status          text        NOT NULL,
    total           bigint      NOT NULL DEFAULT 0,     -- counted so far
    counted         boolean     NOT NULL DEFAULT false, -- total is final
    counted_to      text        NOT NULL DEFAULT '',    -- the last ID that was counted
    processed       bigint      NOT NULL DEFAULT 0,
    applied         bigint      NOT NULL DEFAULT 0,
    skipped         text        NOT NULL DEFAULT '{}',  -- a JSON object of numbers by reason
    processed_to    text        NOT NULL DEFAULT '',    -- the last ID that was handled
    tokens          double precision NOT NULL DEFAULT 0, -- the state of the pace at paced_at
    paced_at        timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,               -- the next step
    lease_number    bigint      NOT NULL DEFAULT 0,     -- rises with each lease
    leased_until    timestamptz NOT NULL,
    outcome_success bigint      NOT NULL DEFAULT 0,
    outcome_failure bigint      NOT NULL DEFAULT 0,
    outcome_waiting bigint      NOT NULL DEFAULT 0,
    outcome_at      timestamptz,                        -- when the outcome was counted
    outcome_tried_at timestamptz,                       -- when its last count began
    created_by      text        NOT NULL,
    created_at      timestamptz NOT NULL,
    started_at      timestamptz,
    finished_at     timestamptz
);
CREATE INDEX bulk_jobs_by_organization ON bulk_jobs (organization_id, id);
CREATE INDEX bulk_jobs_due ON bulk_jobs (due_at) WHERE status = 'running';
CREATE INDEX bulk_jobs_finished ON bulk_jobs (finished_at) WHERE finished_at IS NOT NULL;

-- +goose Down
DROP TABLE bulk_jobs;

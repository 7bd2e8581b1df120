-- Bulk jobs, with their progress.

-- +goose Up
CREATE TABLE bulk_jobs (
    id              text     NOT NULL PRIMARY KEY,
    organization_id text     NOT NULL,
    action          text     NOT NULL,
    filter          text     NOT NULL,              -- a JSON object of strings
    endpoint_id     text     NOT NULL DEFAULT '',   -- of the action deliver
    max_deliveries  integer  NOT NULL DEFAULT 0,    -- 0: no limit
    per_second      integer  NOT NULL DEFAULT 0,    -- 0: no limit
    status          text     NOT NULL,
    total           integer  NOT NULL DEFAULT 0,    -- counted so far
    counted         boolean  NOT NULL DEFAULT 0,    -- total is final
    counted_to      text     NOT NULL DEFAULT '',   -- the last ID that was counted
    processed       integer  NOT NULL DEFAULT 0,
    applied         integer  NOT NULL DEFAULT 0,
    skipped         text     NOT NULL DEFAULT '{}', -- a JSON object of numbers by reason
    processed_to    text     NOT NULL DEFAULT '',   -- the last ID that was handled
    tokens          real     NOT NULL DEFAULT 0,    -- the state of the pace at paced_at
    paced_at        datetime NOT NULL,
    due_at          datetime NOT NULL,              -- the next step
    lease_number    integer  NOT NULL DEFAULT 0,    -- rises with each lease
    leased_until    datetime NOT NULL,
    outcome_success integer  NOT NULL DEFAULT 0,
    outcome_failure integer  NOT NULL DEFAULT 0,
    outcome_waiting integer  NOT NULL DEFAULT 0,
    outcome_at      datetime,                       -- when the outcome was counted
    outcome_tried_at datetime,                      -- when its last count began
    created_by      text     NOT NULL,
    created_at      datetime NOT NULL,
    started_at      datetime,
    finished_at     datetime
);
CREATE INDEX bulk_jobs_by_organization ON bulk_jobs (organization_id, id);
CREATE INDEX bulk_jobs_due ON bulk_jobs (due_at) WHERE status = 'running';
CREATE INDEX bulk_jobs_finished ON bulk_jobs (finished_at) WHERE finished_at IS NOT NULL;

-- +goose Down
DROP TABLE bulk_jobs;

-- How an endpoint is sent to, what its owner keeps with it, and why nothing is sent to it.

-- +goose Up
ALTER TABLE endpoints
    ADD COLUMN timeout_seconds  integer NOT NULL DEFAULT 0,    -- 0: DELIVERY_TIMEOUT
    ADD COLUMN retry_schedule   text    NOT NULL DEFAULT '[]', -- a JSON array of seconds; empty: RETRY_SCHEDULE
    ADD COLUMN payload          text    NOT NULL DEFAULT '',   -- empty: envelope
    ADD COLUMN signature_header text    NOT NULL DEFAULT '',   -- empty: none
    ADD COLUMN metadata         text    NOT NULL DEFAULT '{}', -- a JSON object of strings
    ADD COLUMN paused_at        timestamptz,
    ADD COLUMN deleted_at       timestamptz,
    ADD COLUMN disabled_reason  text    NOT NULL DEFAULT '';   -- empty: not disabled, or disabled before the reason was recorded

-- +goose Down
ALTER TABLE endpoints DROP COLUMN disabled_reason, DROP COLUMN deleted_at, DROP COLUMN paused_at, DROP COLUMN metadata,
    DROP COLUMN signature_header, DROP COLUMN payload, DROP COLUMN retry_schedule, DROP COLUMN timeout_seconds;

-- How an endpoint is sent to, what its owner keeps with it, and why nothing is sent to it.

-- +goose Up
ALTER TABLE endpoints ADD COLUMN timeout_seconds  integer NOT NULL DEFAULT 0;
ALTER TABLE endpoints ADD COLUMN retry_schedule   text    NOT NULL DEFAULT '[]';
ALTER TABLE endpoints ADD COLUMN payload          text    NOT NULL DEFAULT '';
ALTER TABLE endpoints ADD COLUMN signature_header text    NOT NULL DEFAULT '';
ALTER TABLE endpoints ADD COLUMN metadata         text    NOT NULL DEFAULT '{}';
ALTER TABLE endpoints ADD COLUMN paused_at        datetime;
ALTER TABLE endpoints ADD COLUMN deleted_at       datetime;
ALTER TABLE endpoints ADD COLUMN disabled_reason  text    NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE endpoints DROP COLUMN disabled_reason;
ALTER TABLE endpoints DROP COLUMN deleted_at;
ALTER TABLE endpoints DROP COLUMN paused_at;
ALTER TABLE endpoints DROP COLUMN metadata;
ALTER TABLE endpoints DROP COLUMN signature_header;
ALTER TABLE endpoints DROP COLUMN payload;
ALTER TABLE endpoints DROP COLUMN retry_schedule;
ALTER TABLE endpoints DROP COLUMN timeout_seconds;

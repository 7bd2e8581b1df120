-- A test delivery was asked for with POST …/{id}/test. It is sent without retries, also while its endpoint is paused or disabled.

-- +goose Up
ALTER TABLE deliveries ADD COLUMN test boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN test;

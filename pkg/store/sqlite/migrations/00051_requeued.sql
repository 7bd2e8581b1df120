-- A retry by hand or by a job has requeued the delivery. Its attempts do not count as failures of the endpoint.

-- +goose Up
ALTER TABLE deliveries ADD COLUMN requeued boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN requeued;

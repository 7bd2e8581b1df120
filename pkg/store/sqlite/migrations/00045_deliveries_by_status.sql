-- Deliveries are searched by their status. Most are a success, which an index would not find faster, newest first.

-- +goose Up
CREATE INDEX IF NOT EXISTS deliveries_by_status ON deliveries (organization_id, status, id) WHERE status <> 'success';

-- +goose Down
DROP INDEX IF EXISTS deliveries_by_status;

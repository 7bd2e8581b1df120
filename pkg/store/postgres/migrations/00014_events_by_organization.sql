-- +goose NO TRANSACTION
-- The events of an organization are erased in this order.

-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS events_by_organization;
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_organization ON events (organization_id, id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS events_by_organization;

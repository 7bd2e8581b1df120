-- The events of an organization are erased in this order.

-- +goose Up
CREATE INDEX events_by_organization ON events (organization_id, id);

-- +goose Down
DROP INDEX events_by_organization;

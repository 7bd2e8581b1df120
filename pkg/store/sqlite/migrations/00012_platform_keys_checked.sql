-- The migration before has checked the constraint with the copy.

-- +goose Up
SELECT 1;

-- +goose Down
SELECT 1;

-- What an endpoint carries: how fast it may be sent to, and the headers that it wants to be sent.

-- +goose Up
ALTER TABLE endpoints
    ADD COLUMN rate_limit integer NOT NULL DEFAULT 0 CHECK (rate_limit >= 0), -- requests a second; 0: no limit
    ADD COLUMN headers    text    NOT NULL DEFAULT '{}'; -- a JSON object: names in plain, values sealed, in base64

-- +goose Down
ALTER TABLE endpoints DROP COLUMN headers, DROP COLUMN rate_limit;

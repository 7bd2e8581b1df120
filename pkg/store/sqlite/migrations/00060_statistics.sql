-- Statistics. Each transaction appends what it counts to statistics_deltas. A background step adds the deltas to the hours, and retention adds
-- old hours to the days. Hours and days are numbers since 1970-01-01 in UTC.

-- +goose Up
CREATE TABLE statistics_deltas (
    organization_id text    NOT NULL,
    id              integer PRIMARY KEY,
    endpoint_id     text    NOT NULL, -- empty: an event without a delivery
    event_type      text    NOT NULL,
    hour            integer NOT NULL,
    events          integer NOT NULL DEFAULT 0,
    created         integer NOT NULL DEFAULT 0,
    succeeded       integer NOT NULL DEFAULT 0,
    failed          integer NOT NULL DEFAULT 0,
    attempts        integer NOT NULL DEFAULT 0,
    errors          text    NOT NULL DEFAULT '', -- the kind of each failed attempt
    durations       text    NOT NULL DEFAULT ''  -- the milliseconds of each answered attempt
);

CREATE TABLE statistics_hours (
    organization_id text    NOT NULL,
    endpoint_id     text    NOT NULL, -- empty: all endpoints
    event_type      text    NOT NULL, -- empty: all event types
    period          integer NOT NULL, -- the hour
    events          integer NOT NULL,
    created         integer NOT NULL,
    succeeded       integer NOT NULL,
    failed          integer NOT NULL,
    attempts        integer NOT NULL,
    errors          text    NOT NULL, -- kinds of failed attempts, each with its number
    durations       blob    NOT NULL, -- webhook.Durations
    PRIMARY KEY (organization_id, endpoint_id, event_type, period)
);
CREATE INDEX statistics_hours_old ON statistics_hours ((period + 0)); -- the expression keeps reads at the primary key

CREATE TABLE statistics_days (
    organization_id text    NOT NULL,
    endpoint_id     text    NOT NULL,
    event_type      text    NOT NULL,
    period          integer NOT NULL, -- the day
    events          integer NOT NULL,
    created         integer NOT NULL,
    succeeded       integer NOT NULL,
    failed          integer NOT NULL,
    attempts        integer NOT NULL,
    errors          text    NOT NULL,
    durations       blob    NOT NULL,
    PRIMARY KEY (organization_id, endpoint_id, event_type, period)
);
CREATE INDEX statistics_days_old ON statistics_days ((period + 0));

-- The event types of an organization that are counted by name on a day.
CREATE TABLE statistics_types (
    organization_id text    NOT NULL,
    day             integer NOT NULL,
    event_type      text    NOT NULL,
    PRIMARY KEY (organization_id, day, event_type)
);
CREATE INDEX statistics_types_old ON statistics_types ((day + 0));

-- One row. Its lock admits one transaction at a time that changes hours and days.
CREATE TABLE statistics_state (
    id           integer PRIMARY KEY CHECK (id = 1),
    counted_from integer -- the hour since which everything is counted. NULL: not known, since processes that do not count may run.
);
INSERT INTO statistics_state (id, counted_from) SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM events) THEN NULL ELSE 0 END;

-- +goose Down
DROP TABLE statistics_deltas;
DROP TABLE statistics_hours;
DROP TABLE statistics_days;
DROP TABLE statistics_types;
DROP TABLE statistics_state;

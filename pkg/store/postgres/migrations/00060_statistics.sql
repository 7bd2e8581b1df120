-- Statistics. Each transaction appends what it counts to statistics_deltas. A background step adds the deltas to the hours, and retention adds
-- old hours to the days. Hours and days are numbers since 1970-01-01 in UTC.

-- +goose Up
CREATE TABLE statistics_deltas (
    organization_id text    NOT NULL,
    id              bigint  GENERATED ALWAYS AS IDENTITY,
    endpoint_id     text    NOT NULL, -- empty: an event without a delivery
    event_type      text    NOT NULL,
    hour            bigint  NOT NULL,
    events          integer NOT NULL DEFAULT 0,
    created         integer NOT NULL DEFAULT 0,
    succeeded       integer NOT NULL DEFAULT 0,
    failed          integer NOT NULL DEFAULT 0,
    attempts        integer NOT NULL DEFAULT 0,
    errors          text    NOT NULL DEFAULT '', -- the kind of each failed attempt
    durations       text    NOT NULL DEFAULT '', -- the milliseconds of each answered attempt
    PRIMARY KEY (organization_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000); -- rows are deleted within seconds

CREATE TABLE statistics_hours (
    organization_id text   NOT NULL,
    endpoint_id     text   NOT NULL, -- empty: all endpoints
    event_type      text   NOT NULL, -- empty: all event types
    period          bigint NOT NULL, -- the hour
    events          bigint NOT NULL,
    created         bigint NOT NULL,
    succeeded       bigint NOT NULL,
    failed          bigint NOT NULL,
    attempts        bigint NOT NULL,
    errors          text   NOT NULL, -- kinds of failed attempts, each with its number
    durations       bytea  NOT NULL, -- webhook.Durations
    PRIMARY KEY (organization_id, endpoint_id, event_type, period)
) WITH (fillfactor = 70); -- room on the page for updates, which change no index
CREATE INDEX statistics_hours_old ON statistics_hours ((period + 0)); -- the expression keeps reads at the primary key

CREATE TABLE statistics_days (
    organization_id text   NOT NULL,
    endpoint_id     text   NOT NULL,
    event_type      text   NOT NULL,
    period          bigint NOT NULL, -- the day
    events          bigint NOT NULL,
    created         bigint NOT NULL,
    succeeded       bigint NOT NULL,
    failed          bigint NOT NULL,
    attempts        bigint NOT NULL,
    errors          text   NOT NULL,
    durations       bytea  NOT NULL,
    PRIMARY KEY (organization_id, endpoint_id, event_type, period)
);
CREATE INDEX statistics_days_old ON statistics_days ((period + 0));

-- The event types of an organization that are counted by name on a day.
CREATE TABLE statistics_types (
    organization_id text   NOT NULL,
    day             bigint NOT NULL,
    event_type      text   NOT NULL,
    PRIMARY KEY (organization_id, day, event_type)
);
CREATE INDEX statistics_types_old ON statistics_types ((day + 0));

-- One row. Its lock admits one transaction at a time that changes hours and days.
CREATE TABLE statistics_state (
    id           smallint PRIMARY KEY CHECK (id = 1),
    counted_from bigint -- the hour since which everything is counted. NULL: not known, since processes that do not count may run.
);
INSERT INTO statistics_state (id, counted_from) SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM events) THEN NULL ELSE 0 END;

-- +goose Down
DROP TABLE statistics_deltas, statistics_hours, statistics_days, statistics_types, statistics_state;

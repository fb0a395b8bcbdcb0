-- Roll-ups of readings, and how long things are kept. docs/adr/0010-roll-ups.md says why it is done so.

-- How far `readings_1m`, `readings_1h` and `readings_1d` go. One row.
CREATE TABLE readings_rollup (
    only_one      boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    -- 'aggregates': TimescaleDB keeps them as continuous aggregates; 'tables': anhu upkeep fills tables.
    kept_as       text NOT NULL CHECK (kept_as IN ('aggregates', 'tables')),
    -- Who writes a reading from before this instant also writes a row of readings_late, in the same transaction.
    closed_until  timestamptz NOT NULL,
    -- The first transaction that surely knows closed_until: until all before it have ended, nothing more is rolled.
    closed_in     xid8,
    -- Before this instant every hour is rolled up, but for those of readings_late.
    rolled_until  timestamptz NOT NULL,
    -- Before this instant raw readings are dropped and roll-ups stay as they are.
    raw_from      timestamptz NOT NULL DEFAULT '2000-01-01 00:00:00+00',
    CHECK (rolled_until <= closed_until AND raw_from <= rolled_until)
);

-- Hours whose roll-ups are behind their readings. Only ever added to by writers: a row that a writer finds there
-- might be taken away before that writer commits.
CREATE TABLE readings_late (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_key integer NOT NULL,
    hour       timestamptz NOT NULL,
    noted_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX readings_late_device ON readings_late (device_key, hour);

-- How long each thing is kept; NULL is for ever. Change a row, and `anhu upkeep` follows within a minute.
CREATE TABLE retention (
    name text PRIMARY KEY,
    keep interval CHECK (keep > interval '0')
);
INSERT INTO retention (name, keep) VALUES
    ('readings',         '90 days'),     -- by the day of their ts; 3 days at least
    ('readings_1m',      '180 days'),    -- by whole months, here and in readings_1h
    ('readings_1h',      '1095 days'),
    ('readings_1d',      NULL),
    ('station_feed',     '25 hours'),    -- contract: 24 h are kept
    ('quarantine',       '30 days'),
    ('command_results',  '365 days'),
    ('access_log',       '1095 days'),
    ('sign_in_failures', '1 day'),
    ('sessions',         '1 day');       -- after their end

CREATE INDEX command_results_received ON command_results (received_at);
CREATE INDEX access_log_at ON access_log (at);

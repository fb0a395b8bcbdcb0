-- Devices that fall silent or want looking after, and areas that fall silent together.
-- ARCHITECTURE.md, "Devices that fall silent", has the states and the reasons.

-- How often a device is usually heard: of its own intervals, else of its kind. The rest follows from `usual` and is
-- kept beside it, so that the sweep compares columns.
CREATE TABLE device_expectations (
    device_key   integer PRIMARY KEY REFERENCES devices (key) ON DELETE CASCADE,
    usual        interval NOT NULL,
    learned_from integer NOT NULL,              -- of how many of its own intervals; 0: its kind's
    learn_at     timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 hour',   -- when to look again
    silent_after interval NOT NULL,
    will_wait    interval NOT NULL              -- after `online: false`
) WITH (fillfactor = 70);
CREATE INDEX device_expectations_learn ON device_expectations (learn_at);

-- When we were hearing. Whoever sweeps says so each time: what no sweep saw counts as not heard.
CREATE TABLE hearing (
    only_one  boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    looked_at timestamptz                       -- until then it is known whether we heard; NULL: never looked
);
INSERT INTO hearing DEFAULT VALUES;
CREATE TABLE hearing_gaps (
    began_at timestamptz PRIMARY KEY,
    ended_at timestamptz CHECK (ended_at >= began_at)   -- NULL: we do not hear now
);
CREATE UNIQUE INDEX hearing_gaps_open ON hearing_gaps ((true)) WHERE ended_at IS NULL;

-- How long, below what: UPDATE device_rules SET lasting = '8 hours' WHERE type = 'device.not_worn', and the next sweep
-- follows. Severity and title stand in alert_rules.
CREATE TABLE device_rules (
    type       text PRIMARY KEY REFERENCES alert_rules,
    lasting    interval CHECK (lasting > interval '0'),
    below      real,
    clear_from real,
    source     text NOT NULL,
    CHECK (clear_from >= below)
);
INSERT INTO alert_rules (type, severity, title) VALUES
    ('device.offline',     'blue',   '设备离线'),
    ('device.not_worn',    'blue',   '长时间未佩戴'),
    ('device.low_battery', 'blue',   '设备电量低'),
    ('device.untested',    'blue',   '呼叫器超过一周未测试'),
    ('area.outage',        'orange', '片区设备同时失联');
INSERT INTO device_rules (type, lasting, below, clear_from, source) VALUES
    ('device.not_worn',    '12 hours', NULL, NULL, 'longer than a night on the charger; Anhu''s own choice'),
    ('device.low_battery', NULL,       20,   25,   'Anhu''s own choice'),
    ('device.untested',    '7 days',   NULL, NULL, 'JGJ/T 484-2019: buttons are tested weekly');

-- One row a device and type while it lasts.
CREATE TABLE device_conditions (
    id          uuid PRIMARY KEY,
    device_key  integer NOT NULL REFERENCES devices (key) ON DELETE CASCADE,
    type        text NOT NULL REFERENCES alert_rules,
    state       text NOT NULL CHECK (state IN ('noted', 'covered', 'released', 'alone', 'past', 'ended')),
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL,           -- by then it had happened: the report that did not come
    noted_at    timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,           -- until then it waits for company
    usual       interval,                       -- of a silent device, as it was
    ended_at    timestamptz,
    alert_id    uuid REFERENCES alerts,         -- its own
    told        boolean NOT NULL DEFAULT false, -- that it ended, to that alert
    incident_id uuid REFERENCES alerts,         -- the area's that covers it, or did
    attempts    integer NOT NULL DEFAULT 0,
    last_error  text,
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CHECK (state <> 'alone' OR alert_id IS NOT NULL),
    CHECK (state <> 'covered' OR incident_id IS NOT NULL)
);
CREATE UNIQUE INDEX device_conditions_on ON device_conditions (device_key, type) WHERE ended_at IS NULL;
CREATE INDEX device_conditions_due ON device_conditions (due_at) WHERE state IN ('noted', 'released');
CREATE INDEX device_conditions_untold ON device_conditions (ended_at)
    WHERE state = 'ended' AND alert_id IS NOT NULL AND NOT told;
CREATE INDEX device_conditions_incident ON device_conditions (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX device_conditions_ended ON device_conditions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE area_incidents (
    alert_id        uuid PRIMARY KEY REFERENCES alerts,
    organization_id uuid NOT NULL REFERENCES organizations,
    source          text,                       -- NULL: not one source's
    first_lost_at   timestamptz NOT NULL,
    last_lost_at    timestamptz NOT NULL,
    lost            integer NOT NULL,           -- as last told
    silent          integer NOT NULL,
    told_at         timestamptz NOT NULL,
    back_since      timestamptz,                -- four in five are heard again
    ended_at        timestamptz                 -- nothing is under it any more
);
CREATE INDEX area_incidents_on ON area_incidents (organization_id) WHERE ended_at IS NULL;

-- What is known of an outage: no health data, and no place.
ALTER TABLE alerts ADD detail jsonb;
CREATE INDEX alerts_condition_device ON alerts (device_id) WHERE detail IS NOT NULL;
CREATE INDEX alerts_condition_event ON alerts (event_id) WHERE detail IS NOT NULL;

INSERT INTO retention (name, keep) VALUES ('device_conditions', '1095 days');

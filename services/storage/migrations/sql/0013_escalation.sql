-- Who is called when, and who is there: policies, what each alert follows of them, rosters, watched screens.

-- Policies, in versions that are never edited. One an organisation; the nearest on the way up holds.
CREATE TABLE escalation_policies (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL UNIQUE REFERENCES organizations,
    version         integer NOT NULL
);
CREATE TABLE escalation_policy_versions (
    policy_id       uuid NOT NULL REFERENCES escalation_policies,
    version         integer NOT NULL,
    definition      jsonb,                      -- docs/escalation.md; NULL: withdrawn, the next one up holds
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by      uuid REFERENCES accounts,
    changed_by_name text NOT NULL,
    reason          text NOT NULL,
    PRIMARY KEY (policy_id, version)
);

-- What an alert follows: copied when it is raised, so that an edit changes no running rescue; and where in it it is.
CREATE TABLE alert_escalations (
    alert_id       uuid PRIMARY KEY REFERENCES alerts,
    policy_id      uuid REFERENCES escalation_policies,     -- NULL: the built-in one
    policy_version integer,
    snapshot       jsonb NOT NULL,
    copied_at      timestamptz NOT NULL,
    stage          text,
    since          timestamptz,
    epoch          integer NOT NULL,
    step           integer NOT NULL,
    round          integer NOT NULL
) WITH (fillfactor = 70);

ALTER TABLE alert_timers DROP CONSTRAINT alert_timers_kind_check;
ALTER TABLE alert_timers ADD CONSTRAINT alert_timers_kind_check
    CHECK (kind IN ('worsen', 'plan', 'escalate', 'unwatched'));
-- Plans are claimed apart from what must not be late, and those of the worst alerts first: ten thousand silent devices
-- keep no rescue waiting.
ALTER TABLE alert_timers ADD rank smallint NOT NULL DEFAULT 0;  -- of the alert's severity: 0 is red
DROP INDEX alert_timers_due;
CREATE INDEX alert_timers_due ON alert_timers (due_at) WHERE kind <> 'plan';
CREATE INDEX alert_timers_plans ON alert_timers (rank, due_at) WHERE kind = 'plan';

-- Rosters. A shift that is changed is ended and made anew: who was on duty last month stays known.
CREATE TABLE duty_shifts (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL,
    begins          time NOT NULL,              -- of Beijing
    ends            time NOT NULL,              -- the next day's, when not later
    people          uuid[] NOT NULL CHECK (cardinality(people) > 0),
    turn            text NOT NULL CHECK (turn IN ('together', 'daily', 'weekly')),
    days            text[] NOT NULL CHECK (days <@ ARRAY['workday', 'rest', 'holiday'] AND cardinality(days) > 0),
    weekdays        integer[] NOT NULL DEFAULT '{}',            -- 0 is Monday; empty: every one
    first_day       date NOT NULL,
    last_day        date,
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    made_by         uuid REFERENCES accounts,
    made_by_name    text NOT NULL,
    ended_at        timestamptz,
    ended_by        uuid REFERENCES accounts,
    ended_by_name   text
);
CREATE INDEX duty_shifts_organization ON duty_shifts (organization_id);
CREATE TABLE duty_changes (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    kind            text NOT NULL CHECK (kind IN ('absence', 'swap', 'extra')),
    account_id      uuid NOT NULL REFERENCES accounts,
    other_id        uuid REFERENCES accounts,
    begins_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    note            text,
    uid             text,                       -- of an event of another calendar
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    made_by         uuid REFERENCES accounts,
    made_by_name    text NOT NULL,
    ended_at        timestamptz,                -- taken back
    ended_by        uuid REFERENCES accounts,
    ended_by_name   text,
    CHECK (ends_at > begins_at),
    CHECK ((kind = 'swap') = (other_id IS NOT NULL))
);
CREATE INDEX duty_changes_organization ON duty_changes (organization_id, ends_at);
CREATE UNIQUE INDEX duty_changes_uid ON duty_changes (organization_id, account_id, uid, begins_at)
    WHERE ended_at IS NULL AND uid IS NOT NULL;

-- Days that are otherwise than the statutory calendar has them, or of years that it does not know yet.
CREATE TABLE calendar_days (
    day        date PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('workday', 'rest', 'holiday')),
    name       text,
    said_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    said_by    uuid REFERENCES accounts,
    said_by_name text NOT NULL
);

-- Screens that are open, as the api processes say each few seconds.
CREATE TABLE station_screens (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    account_id      uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    opened_at       timestamptz NOT NULL,
    alive_at        timestamptz NOT NULL,       -- when it last answered a heartbeat
    watching        boolean NOT NULL,           -- visible, and its presence check answered
    closed_at       timestamptz
) WITH (fillfactor = 70);
CREATE INDEX station_screens_organization ON station_screens (organization_id) WHERE closed_at IS NULL;

-- Whether somebody watches an organisation's screens: written when that changes.
CREATE TABLE station_watch (
    organization_id uuid PRIMARY KEY REFERENCES organizations ON DELETE CASCADE,
    expected        boolean NOT NULL,           -- somebody watched there long enough to be missed
    watched_since   timestamptz,
    unwatched_since timestamptz,
    why             text CHECK (why IN ('no_screen', 'nobody_on_duty')),
    alert_id        uuid REFERENCES alerts,     -- its station.unwatched, while it lasts
    CHECK ((unwatched_since IS NULL) = (why IS NULL))
);
INSERT INTO alert_rules (type, severity, title) VALUES ('station.unwatched', 'orange', '站点无人值守');

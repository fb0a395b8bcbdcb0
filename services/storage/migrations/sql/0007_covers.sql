-- What people hold back for a time, and what was held back. docs/holding.md says what holds what.

-- Silences, maintenance, hospital stays, holidays: each with an author, a reason and an end.
CREATE TABLE covers (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('silence', 'maintenance', 'hospital', 'holiday')),
    -- What it lies over: one of the three.
    elder_id        uuid REFERENCES elders ON DELETE CASCADE,
    device_ids      text[] NOT NULL DEFAULT '{}',  -- no foreign key: a device's name stays its own
    organization_id uuid REFERENCES organizations, -- and all below it
    -- Alert types; empty is all that may be held at all.
    types           text[] NOT NULL DEFAULT '{}',
    reason          text NOT NULL CHECK (reason <> ''),
    made_by         uuid NOT NULL REFERENCES accounts,
    made_by_name    text NOT NULL,              -- as it was then
    made_at         timestamptz NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    -- Ended before its time.
    ended_at        timestamptz,
    ended_by        uuid REFERENCES accounts,
    ended_by_name   text,
    over_at         timestamptz NOT NULL GENERATED ALWAYS AS (least(ends_at, ended_at)) STORED,
    CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '720 hours'),
    CHECK ((elder_id IS NOT NULL)::int + (organization_id IS NOT NULL)::int + (cardinality(device_ids) > 0)::int = 1),
    CHECK (NOT types && ARRAY['sos', 'fall', 'smoke', 'gas', 'water_leak']),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL) AND (ended_at IS NULL) = (ended_by_name IS NULL))
);
CREATE INDEX covers_over ON covers (over_at);

-- Alerts that would have been raised, and why they were not. One row for each cover (or worse episode), cause and type:
-- what comes again meanwhile is counted, as it would have been folded.
CREATE TABLE held_alerts (
    id              uuid PRIMARY KEY,
    reason          text NOT NULL CHECK (reason IN ('silence', 'maintenance', 'hospital', 'holiday', 'inhibition')),
    cover_id        uuid REFERENCES covers ON DELETE CASCADE,
    inhibited_by    uuid REFERENCES rule_episodes ON DELETE SET NULL,
    -- The last word on it, whoever writes: what is red or urgent is raised, never held.
    type            text NOT NULL CHECK (type NOT IN ('sos', 'fall', 'smoke', 'gas', 'water_leak')),
    severity        text NOT NULL CHECK (severity IN ('orange', 'yellow', 'blue')),
    title           text NOT NULL,
    elder_id        uuid REFERENCES elders ON DELETE CASCADE,
    device_id       text NOT NULL,              -- the latest
    organization_id uuid NOT NULL REFERENCES organizations,
    cause           text NOT NULL,              -- the elder, else the device: as alerts fold
    times           integer NOT NULL DEFAULT 1,
    first_at        timestamptz NOT NULL,
    last_at         timestamptz NOT NULL,
    -- The latest: an episode of a rule, or an event of a device.
    episode_id      uuid REFERENCES rule_episodes ON DELETE SET NULL,
    event           bigint REFERENCES events,
    -- Raised after all: its cover, or what was worse, was over, and it was still on.
    alert_id        uuid REFERENCES alerts,
    CHECK ((reason = 'inhibition') = (cover_id IS NULL)),
    CHECK (inhibited_by IS NULL OR reason = 'inhibition')
);
CREATE UNIQUE INDEX held_alerts_cover ON held_alerts (cover_id, type, cause) WHERE alert_id IS NULL;
CREATE UNIQUE INDEX held_alerts_worse ON held_alerts (inhibited_by, type, cause) WHERE alert_id IS NULL;
CREATE INDEX held_alerts_episode ON held_alerts (episode_id) WHERE episode_id IS NOT NULL;
CREATE INDEX held_alerts_last ON held_alerts (last_at DESC, id DESC);
CREATE INDEX held_alerts_organization ON held_alerts (organization_id, last_at DESC);

ALTER TABLE rule_episodes
    DROP CONSTRAINT rule_episodes_held_check,
    -- 'silenced': under a person's cover; `held_alerts` says which.
    ADD CONSTRAINT rule_episodes_held_check CHECK (held IN ('covered', 'past', 'silenced')),
    ADD CONSTRAINT rule_episodes_red_is_not_held CHECK (severity <> 'red' OR held IS NULL);
-- Those that wait for the end of their cover.
CREATE INDEX rule_episodes_silenced ON rule_episodes (elder_id) WHERE cleared_at IS NULL AND held = 'silenced';

INSERT INTO retention (name, keep) VALUES ('covers', '1095 days'), ('held_alerts', '1095 days');
